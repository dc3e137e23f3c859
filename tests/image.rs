//! fovea as an image: written to a card, put into a machine, which is emulated, and set up from the card's folder.
//!
//!     tests/image/run [NAME]                              makes what is missing, then plays the scenarios
//!     cargo test --test image -- --ignored [NAME]         when the image is there
//!
//! Each scenario has cards and machines of its own. Some mostly wait, so two are played at a time. Only the firmware is not the
//! image's; `tests/image/README.md` says more.

mod image {
    pub(crate) mod card;
    pub(crate) mod machine;
    pub(crate) mod write_log;

    pub(crate) mod data;
    pub(crate) mod first_boot;
    pub(crate) mod idle;
    pub(crate) mod machines;
    pub(crate) mod network;
    pub(crate) mod power_cut;
    pub(crate) mod slots;
    pub(crate) mod watchdog;
}
#[expect(dead_code, reason = "it is made for tests/daemon.rs; some of it is of use here")]
mod support;

use std::{any::type_name, process::ExitCode};

use libtest_mimic::{Arguments, Trial};

use image::{data, first_boot, idle, machines, network, power_cut, slots, watchdog};

/// All there are. The longest come first.
fn scenarios() -> Vec<Trial> {
    vec![
        scenario(idle::nothing_is_written_in_ten_minutes),
        scenario(power_cut::a_first_boot_survives_it_anywhere),
        scenario(watchdog::a_slow_machine_is_not_reset_at_its_start),
        scenario(network::the_earlier_is_used_after_five_minutes_without_an_address),
        scenario(machines::a_raspberry_pi_3b_answers),
        scenario(first_boot::what_the_card_says_is_taken_over),
        scenario(first_boot::what_is_wrong_is_reported_and_not_used),
        scenario(slots::the_other_is_started_when_one_is_spoiled),
        scenario(data::without_it_the_board_runs_degraded),
        scenario(watchdog::a_system_that_stands_still_is_reset),
    ]
}

/// A scenario by the name of its function.
fn scenario<F: Fn() + Send + 'static>(play: F) -> Trial {
    let name = type_name::<F>().to_owned(); // the crate's name, and the module's
    Trial::test(name, move || {
        play();
        Ok(())
    })
    .with_ignored_flag(true) // machines take minutes
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(2);
    libtest_mimic::run(&arguments, scenarios()).exit_code()
}
