CREATE INDEX cicd_agent_entries_event ON cicd_agent_entries (event_id);

-- `key` is what a fact replaces another one by, digested: the texts together may be longer than an index holds.
CREATE TABLE cicd_agent_facts (
    "key" KEY NOT NULL,
    repository KEY NOT NULL,
    kind KEY NOT NULL,
    subject KEY NOT NULL,
    at BIGINT NOT NULL,
    mode KEY NOT NULL,
    sha KEY NOT NULL,
    ref KEY NOT NULL,
    event_id KEY NOT NULL,
    "values" TEXT NOT NULL,
    PRIMARY KEY ("key")
);

CREATE INDEX cicd_agent_facts_kind ON cicd_agent_facts (repository, kind, at);

CREATE INDEX cicd_agent_facts_subject ON cicd_agent_facts (subject);

CREATE INDEX cicd_agent_facts_sha ON cicd_agent_facts (sha);
