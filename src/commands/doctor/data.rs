//! Checks the image's data partition: whether it is in use, and whether it has room.

use super::{Diagnostic, Machine, output};

/// Percent of the partition in use from which settings may soon not fit any more.
const FULL_PERCENT: u32 = 95;

/// The image's unit, by its description; another system may have a unit of that name.
const IMAGE_UNIT: &str = "Description=The data partition is in use";

pub(super) fn check(_: &Machine) -> Vec<Diagnostic> {
    let unit = output("systemctl", &["show", "--property=Description,ActiveState", "data.service"]).unwrap_or_default();
    let has = |line: &str| unit.lines().any(|other| other == line);
    if !has(IMAGE_UNIT) {
        return Vec::new();
    }
    if has("ActiveState=failed") {
        return vec![Diagnostic::bad(
            "the data partition cannot be used: the board forgets its settings when it restarts; fovea/report.txt on the \
             card says what to do",
        )];
    }
    let used = output("df", &["--output=pcent", "/data"]);
    let used = used.and_then(|text| text.lines().last()?.trim().strip_suffix('%')?.parse().ok());
    vec![match used {
        Some(percent @ FULL_PERCENT..) => Diagnostic::bad(format!(
            "the data partition is full ({percent} %): the board cannot keep new settings; `du -a /data | sort -n` lists \
             what is large"
        )),
        Some(percent) => Diagnostic::good(format!("the data partition has room: {percent} % are used")),
        None => Diagnostic::hint("cannot check the room on the data partition: df gives no answer"),
    }]
}
