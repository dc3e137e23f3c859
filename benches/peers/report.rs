//! The tables.

use crate::{
    measure::{Pairs, median, quantile, spread},
    program::Turn,
    programs::Group,
    table::row,
};

pub(crate) const HEAD: &str = "\
| frames | program | processor time a frame, ms | fovea's against it | age p50, p99, ms | fovea's p99 against it | results |
| --- | --- | --: | --- | --: | --- | --: |";

/// Fovea's against another program's, and the range (5 % to 95 %) in which it would be with other rounds.
struct Ratio {
    value: f64,
    range: [f64; 2],
}

impl Ratio {
    /// The median of the ratios of the rounds.
    fn of_cpu(fovea: &[Turn], other: &[Turn]) -> Self {
        let ratios: Vec<_> = fovea.iter().zip(other).map(|(fovea, other)| fovea.cpu_ms / other.cpu_ms).collect();
        let middle = |ratios: &[&f64]| median(&mut ratios.iter().copied().copied().collect::<Vec<_>>());
        Self { value: median(&mut ratios.clone()), range: spread(&ratios, middle) }
    }

    /// The 99th percentiles of all rounds together.
    fn of_p99(fovea: &[Turn], other: &[Turn]) -> Self {
        let rounds = fovea.iter().zip(other).map(|(fovea, other)| [other.ages_ms.clone(), fovea.ages_ms.clone()]);
        let pairs = Pairs(rounds.collect());
        let [other, fovea] = pairs.p99();
        Self { value: fovea / other, range: pairs.ratio_range() }
    }

    fn text(&self) -> String {
        format!("{:.2} ({:.2} to {:.2})", self.value, self.range[0], self.range[1])
    }
}

/// A row for each program of a group.
pub(crate) fn rows(frames: &str, group: &Group, turns: &[Vec<Turn>]) -> Vec<String> {
    let row = |(at, (name, _)): (usize, &(&str, _))| {
        let own = &turns[at];
        let mut costs: Vec<_> = own.iter().map(|turn| turn.cpu_ms).collect();
        let [cost, least, most] = [0.5, 0.0, 1.0].map(|part| quantile(&mut costs, part));
        let mut ages: Vec<_> = own.iter().flat_map(|turn| turn.ages_ms.iter().copied()).collect();
        let [p50, p99] = [0.5, 0.99].map(|part| quantile(&mut ages, part));
        let results = 100.0 * ages.len() as f64 / own.iter().map(|turn| turn.sent).sum::<usize>() as f64;
        let [cpu, age] = if at == 0 {
            Default::default()
        } else {
            [Ratio::of_cpu(&turns[0], own), Ratio::of_p99(&turns[0], own)].map(|ratio| ratio.text())
        };
        format!(
            "| {frames}, by {} | {name} | {cost:.2} ({least:.2} to {most:.2}) | {cpu} | {p50:.1}, {p99:.1} | {age} | {results:.0} % |",
            group.way
        )
    };
    group.programs.iter().enumerate().map(row).collect()
}

/// What is promised of 1920x1080.
#[derive(Default)]
pub(crate) struct Promises(Vec<String>);

impl Promises {
    pub(crate) fn add(&mut self, turns: &[Vec<Turn>], rate_hz: u32) {
        match turns {
            [fovea, naive, well] => {
                let [naive, well] = [naive, well].map(|other| Ratio::of_cpu(fovea, other));
                self.0.push(row(
                    &format!(
                        "cheap motion: CPU time of a 1080p JPEG, {rate_hz} a second, against the Python prototype; \
                         against the same written well"
                    ),
                    &format!("{}; {}", naive.text(), well.text()),
                    "<= 0.15; <= 0.45",
                    naive.value <= 0.15 && well.value <= 0.45,
                ));
            }
            [fovea, gstreamer] => {
                let (cpu, age) = (Ratio::of_cpu(fovea, gstreamer), Ratio::of_p99(fovea, gstreamer));
                self.0.push(row(
                    &format!("an HTTP camera of 1080p, {rate_hz} a second: CPU time, and p99 age of results, against GStreamer"),
                    &format!("{}; {}", cpu.text(), age.text()),
                    "<= 1.0; <= 1.0",
                    cpu.value <= 1.0 && age.value <= 1.0,
                ));
            }
            _ => {} // a program is left out
        }
    }

    pub(crate) fn rows(self) -> Vec<String> {
        self.0
    }
}
