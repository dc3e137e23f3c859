//! The `fovea` command.

fn main() {}
