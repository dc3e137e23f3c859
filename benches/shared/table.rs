//! The table of the results, in Markdown.

pub(crate) const HEAD: &str = "| promise | measured | target | kept |\n| --- | --- | --- | --- |";

pub(crate) fn row(promise: &str, measured: &str, target: &str, kept: bool) -> String {
    format!("| {promise} | {measured} | {target} | {} |", if kept { "yes" } else { "**no**" })
}

/// A row of a ratio with a range (5 % to 95 %): it is kept, or not, if all of the range says so.
pub(crate) fn row_of_range(promise: &str, measured: &str, most: f64, [low, high]: [f64; 2]) -> String {
    let kept = if high <= most {
        "yes"
    } else if low > most {
        "**no**"
    } else {
        "not proved"
    };
    format!("| {promise} | {measured} | <= {most} | {kept} |")
}
