//! What the kernel says of a thing in one of its small files, one value each: `/sys/class/video4linux/video0/name`.

use std::{fs, path::Path};

use super::printable::one_line;

/// The value in the file `name` of `folder`, without white space around it, and without what controls a terminal: a USB
/// device writes some of them. `None` if it is not there or not to be read.
#[must_use]
pub fn read(folder: &Path, name: &str) -> Option<String> {
    Some(one_line(fs::read_to_string(folder.join(name)).ok()?.trim()))
}
