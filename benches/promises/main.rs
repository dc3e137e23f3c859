//! The promises of the README in numbers: the built daemon against bare loops, and beside others.
//!
//!     cargo bench --bench promises            those of the README, about fifteen minutes
//!     cargo bench --bench promises all        the others, too: an hour
//!     cargo bench --bench promises quick      a tenth of the time, for a first look
//!     cargo bench --bench promises -- NAME    one of them
//!
//! Every ratio is of pairs measured by turns in this one run, and a median of them: the machine's mood hits both sides.

mod bare;
#[path = "../shared/daemon.rs"]
mod daemon;
#[path = "../shared/feed.rs"]
mod feed;
mod first_picture;
#[path = "../shared/footage.rs"]
mod footage;
#[path = "../shared/measure.rs"]
mod measure;
mod neighbours;
mod objects;
mod outputs;
mod peer;
#[path = "../look_time/pngs.rs"]
#[expect(dead_code, reason = "one kind is enough here")]
mod pngs;
mod processors;
mod promises;
#[path = "../look_time/scans.rs"]
#[expect(dead_code, reason = "one kind is enough here")]
mod scans;
mod scraping;
mod showing;
mod socket;
#[path = "../shared/table.rs"]
mod table;
mod tls;
mod viewers;

use std::{env, error::Error, io::Write};

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

fn main() -> Result<()> {
    measure::place(0)?; // where the daemon keeps house, so that its processor is left alone
    let arguments: Vec<_> = env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let says = |word: &str| arguments.iter().any(|argument| argument == word);
    let (is_quick, is_all) = (says("quick"), says("all"));
    let is_one = arguments.iter().any(|argument| argument != "quick" && argument != "all");
    let others = if is_all || is_one { &promises::OTHERS[..] } else { &[] };
    let mut out = std::io::stdout();
    writeln!(out, "{}", table::HEAD)?;
    for (name, promise) in promises::OF_README.iter().chain(others) {
        if !is_one || says(name) {
            for row in promise(if is_quick { 0.1 } else { 1.0 })? {
                writeln!(out, "{row}")?;
                out.flush()?;
            }
        }
    }
    Ok(())
}
