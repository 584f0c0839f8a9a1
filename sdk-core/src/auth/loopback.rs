//! The ear of a login in the browser.
