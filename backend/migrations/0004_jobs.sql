-- Work to do after a commit: side effects are rows of the transaction that wants them.

-- `run_at_ms` is when a worker may take the job: its time, or the end of the lease of the worker that has it.
-- `lock_token` names that worker; empty while nobody has it. A job that was given up has `dead_at_ms`.
CREATE TABLE jobs_job (
    game_id TEXT NOT NULL,
    job_id TEXT NOT NULL,
    player_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    job_key TEXT NOT NULL,
    run_at_ms BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    lock_token TEXT NOT NULL,
    last_error TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    dead_at_ms BIGINT,
    PRIMARY KEY (game_id, job_id)
);

-- A key is unique while its job waits for its first attempt.
CREATE UNIQUE INDEX jobs_job_key ON jobs_job (game_id, kind, job_key) WHERE job_key <> '' AND attempts = 0;

CREATE INDEX jobs_job_due ON jobs_job (run_at_ms) WHERE dead_at_ms IS NULL;

CREATE INDEX jobs_job_dead ON jobs_job (dead_at_ms) WHERE dead_at_ms IS NOT NULL;

CREATE INDEX jobs_job_player ON jobs_job (game_id, player_id);
