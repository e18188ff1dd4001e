-- KEY is text that is searched for and sorted by its bytes, so that an index serves the beginning of a word everywhere
-- alike. A database of a fleet may hold other tables: ours have a prefix. What was released is never changed again; a
-- SQLite file whose tables were made by other statements than these is refused.
CREATE TABLE cicd_agent_entries (
    repository KEY NOT NULL,
    seq BIGINT NOT NULL,
    prev TEXT NOT NULL,
    hash TEXT NOT NULL,
    text TEXT NOT NULL,
    kind KEY NOT NULL,
    event_id KEY NOT NULL,
    at BIGINT NOT NULL,
    mode KEY NOT NULL,
    sha KEY NOT NULL,
    pull BIGINT NOT NULL,
    decision KEY NOT NULL,
    risk_level KEY NOT NULL,
    PRIMARY KEY (repository, seq)
);

CREATE INDEX cicd_agent_entries_sha ON cicd_agent_entries (sha);

CREATE INDEX cicd_agent_entries_at ON cicd_agent_entries (at);

CREATE INDEX cicd_agent_entries_repository ON cicd_agent_entries (repository, at);

CREATE INDEX cicd_agent_entries_mode ON cicd_agent_entries (mode, at);

CREATE INDEX cicd_agent_entries_decision ON cicd_agent_entries (decision, at);

CREATE INDEX cicd_agent_entries_pull ON cicd_agent_entries (pull, at);

CREATE TABLE cicd_agent_heads (
    repository KEY NOT NULL,
    seq BIGINT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (repository)
);
