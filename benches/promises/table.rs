//! The table of the results, in Markdown.

pub(crate) const HEAD: &str = "| promise | measured | bar | kept |\n| --- | --- | --- | --- |";

pub(crate) fn row(promise: &str, measured: &str, bar: &str, kept: bool) -> String {
    format!("| {promise} | {measured} | {bar} | {} |", if kept { "yes" } else { "**no**" })
}
