//! Programs that do the same beside fovea, in one run: processor time of their whole processes, and ages of their results.
//!
//!     cargo bench --bench peers            everything, six minutes
//!     cargo bench --bench peers quick      fewer rounds, for a first look
//!
//! A program that is not installed is left out. All get the same frames at the same rate, by turns: the machine's mood hits all
//! of them. fovea is there twice: its frames come as those of the program beside it do.

mod by_http;
mod by_websocket;
#[path = "../shared/daemon.rs"]
#[expect(dead_code, reason = "nobody looks at pictures here")]
mod daemon;
#[path = "../shared/feed.rs"]
#[expect(dead_code, reason = "nothing is saturated here")]
mod feed;
#[path = "../shared/footage.rs"]
mod footage;
mod http_camera;
#[path = "../shared/measure.rs"]
#[expect(dead_code, reason = "only processor time and ages here")]
mod measure;
mod program;
mod programs;
mod report;
#[path = "../shared/table.rs"]
#[expect(dead_code, reason = "ratios say yes or no by their medians here")]
mod table;

use std::{
    env,
    error::Error,
    io::{self, Write},
    time::Duration,
};

use footage::{FULL_HD, VGA};
use program::Turn;
use programs::{Group, Missing};
use report::Promises;

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

/// A turn of one program. All turns of a round but one are shorter than `fovea send` waits for a silent server, which is 10 s.
const TURN: Duration = Duration::from_secs(2);

const WARM_UP: Duration = Duration::from_secs(1);

fn main() -> Result<()> {
    measure::place(0)?; // where the daemon keeps house, so that its processor is left alone
    let rounds = if env::args().any(|argument| argument == "quick") { 2 } else { 9 };
    let mut out = io::stdout();
    let missing = Missing::look()?;
    for sentence in missing.sentences() {
        writeln!(out, "{sentence}\n")?;
    }
    writeln!(out, "{}", report::HEAD)?;
    let mut promises = Promises::default();
    for (size, rate_hz) in [(FULL_HD, 20), (FULL_HD, 30), (VGA, 30)] {
        let frames = footage::frames(size, 40, false)?;
        let mut groups = programs::start(&frames, size, &missing)?;
        let turns = play(&mut groups, Duration::from_secs(1) / rate_hz, rounds)?;
        for (group, turns) in groups.iter().zip(&turns) {
            for row in report::rows(&format!("{size}, {rate_hz} a second"), group, turns) {
                writeln!(out, "{row}")?;
            }
            if size == FULL_HD {
                promises.add(turns, rate_hz);
            }
        }
        out.flush()?;
    }
    writeln!(out, "\n{}", table::HEAD)?;
    for row in promises.rows() {
        writeln!(out, "{row}")?;
    }
    Ok(())
}

/// The turns of each program of each group, one of each in a round.
fn play(groups: &mut [Group], interval: Duration, rounds: usize) -> Result<Vec<Vec<Vec<Turn>>>> {
    let mut turns: Vec<Vec<Vec<Turn>>> =
        groups.iter().map(|group| group.programs.iter().map(|_| Vec::new()).collect()).collect();
    for round in 0..=rounds {
        for (group, turns) in groups.iter_mut().zip(&mut turns) {
            for ((name, program), turns) in group.programs.iter_mut().zip(turns) {
                let turn = program.turn(interval, if round == 0 { WARM_UP } else { TURN })?;
                if turn.ages_ms.is_empty() {
                    return Err(format!("{name} gives no results").into());
                }
                if round > 0 {
                    turns.push(turn);
                }
            }
        }
    }
    Ok(turns)
}
