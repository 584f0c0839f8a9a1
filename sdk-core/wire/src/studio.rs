//! The studio's side: people, organisations, games, keys, audit.
