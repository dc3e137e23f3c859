//! The table of the results, in Markdown.

pub(crate) const HEAD: &str = "| promise | measured | target | kept |\n| --- | --- | --- | --- |";

pub(crate) fn row(promise: &str, measured: &str, target: &str, kept: bool) -> String {
    format!("| {promise} | {measured} | {target} | {} |", if kept { "yes" } else { "**no**" })
}
