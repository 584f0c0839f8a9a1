-- The audit log is looked through by target (a player's export and erasure, the log's filter) and by age (its sweep).

CREATE INDEX studio_audit_target ON studio_audit (target_id, entry_id);

CREATE INDEX studio_audit_at ON studio_audit (at_ms);
