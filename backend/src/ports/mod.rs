//! The engines behind the features: one file a port, in it one closed enum of engines.

pub mod blob;
pub mod bus;
pub mod cache;
pub mod kms;
pub mod mail;
pub mod sql;
