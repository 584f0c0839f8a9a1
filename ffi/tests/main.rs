//! The C interface from the outside: its header, what the libraries show, and misuse under sanitizers.
//! Needs gcc, g++ and binutils; cmake and pkg-config are tested where they are.

#![cfg(target_os = "linux")]

mod abuse;
mod header;
mod package;
mod tools;
