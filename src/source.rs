//! What feeds cameras.
