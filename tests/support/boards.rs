//! What tests on emulated boards have in common, whatever these are made from.

use std::{
    env,
    io::{self, Write},
};

/// The configuration that scenarios use: open to the network, with a camera `street`.
pub(crate) const CONFIG: &str = "\
[server]
listen = \"0.0.0.0:8999\"
allow_anonymous = true
[[camera]]
name = \"street\"
[camera.motion]
";

/// Whether what takes long by waiting or by being repeated is left out, as `tests/run --boards` has it. Says that it is.
pub(crate) fn brief_leaves_out(what: &str) -> bool {
    let is_brief = env::var_os("FOVEA_BRIEF").is_some();
    if is_brief {
        // Without a place to say it there is nobody to be told.
        let _ = writeln!(io::stderr(), "skipped {what}: FOVEA_BRIEF is set");
    }
    is_brief
}
