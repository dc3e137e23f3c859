//! The processor's core: whether there is one to have.

use super::{Finding, Machine};
use crate::system::cores;

pub(super) fn check(machine: &Machine) -> Vec<Finding> {
    let Some(config) = &machine.config else { return Vec::new() };
    let online = match cores::online() {
        Ok(online) => online,
        Err(error) => return vec![Finding::hint(format!("which cores there are cannot be seen: {error}"))],
    };
    vec![match config.processor.core.or(online.last().copied()) {
        Some(core) if !online.contains(&core) => {
            Finding::bad(format!("processor.core = {core}: there is no such core"))
        }
        Some(core) if online.len() > 1 => Finding::good(format!("the processor has core {core} of {}", online.len())),
        _ => Finding::hint("there is only one core, which the processor shares with everything else"),
    }]
}
