-- Decisions for whoever asks a database and not us: a row for each run, by the names that people look for. MOMENT and
-- FIELD are written as each database has it.
CREATE VIEW agent_audit_log AS SELECT
    event_id,
    MOMENT(at) AS "timestamp",
    repository,
    mode AS event_type,
    decision,
    risk_level,
    CAST(FIELD(confidence) AS DOUBLE PRECISION) AS confidence,
    CAST(FIELD(iterations) AS INTEGER) AS iterations,
    CAST(FIELD(escalated) AS BOOLEAN) AS escalated,
    FIELD(actions) AS actions_taken,
    FIELD(output) AS full_output,
    sha,
    NULLIF(pull, 0) AS pr_number
FROM cicd_agent_entries WHERE kind = 'run';
