//! fovea as its owner has it: installed from its Debian package on a board, which is emulated.
//!
//!     tests/board/run [NAME]                             makes what is missing, then runs the scenarios
//!     cargo test --test board -- --ignored [NAME]        when the package is there
//!
//! All scenarios share one board, and go one after another in the order of [`scenarios`]; each says what it needs
//! (such as [`Board::with_fovea`]), so that one can be run alone. A new one is a function in a file of
//! `tests/board` and a line in that list. The board itself is described in
//! `tests/board/README.md`.

mod board {
    pub(crate) mod machine;
    pub(crate) mod shell;
    pub(crate) mod usb_redirection;
    pub(crate) mod webcam;
    pub(crate) mod webcam_descriptors;

    pub(crate) mod boot;
    pub(crate) mod cameras;
    pub(crate) mod configuration;
    pub(crate) mod cores;
    pub(crate) mod crash;
    pub(crate) mod dedicated;
    pub(crate) mod frames;
    pub(crate) mod idle;
    pub(crate) mod mjpeg;
    pub(crate) mod models;
    pub(crate) mod outputs;
    pub(crate) mod package;
    pub(crate) mod peers;
    pub(crate) mod service;
    pub(crate) mod sources;
}
#[expect(dead_code, reason = "it is made for tests/model.rs; some of it is of use here")]
#[path = "support/onnx.rs"]
mod onnx;
#[expect(dead_code, reason = "it is made for tests/daemon.rs; some of it is of use here")]
mod support;

use std::{
    any::{Any, type_name},
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    time::Instant,
};

use libtest_mimic::{Arguments, Failed, Trial};
use parking_lot::Mutex;

use board::{
    boot, cameras, configuration, cores, crash, dedicated, frames, idle, machine::Board, mjpeg, models, outputs,
    package, peers, service, sources,
};

/// All there are, in the order they are run in.
fn scenarios() -> Vec<Trial> {
    vec![
        scenario(boot::it_is_up_and_nothing_failed),
        scenario(package::it_installs_and_the_service_is_active),
        // Early, as Debian begins to clean /tmp a quarter of an hour after booting.
        scenario(idle::nothing_is_written_in_five_minutes),
        scenario(frames::boxes_are_those_of_the_host),
        scenario(cores::the_processor_has_one_to_itself),
        scenario(cameras::every_format_shows_the_bars),
        scenario(cameras::two_at_once_and_one_is_unplugged),
        scenario(cameras::controls_are_set_read_back_and_set_anew),
        scenario(cameras::unplugged_again_and_again_it_is_back_each_time),
        scenario(cameras::it_waits_for_a_camera_and_finds_it_under_another_number),
        scenario(cameras::injected_faults_are_counted_and_survived),
        scenario(cameras::ustreamer_is_followed_through_its_restarts),
        scenario(mjpeg::frames_of_a_webcam_are_lent_and_looked_at),
        scenario(mjpeg::broken_and_short_frames_cost_only_themselves),
        scenario(mjpeg::a_webcam_is_unplugged_and_plugged_in_again),
        scenario(peers::capture_costs_no_more_than_ustreamer),
        scenario(peers::detection_costs_a_part_of_what_motion_takes),
        scenario(sources::a_stream_and_a_command_feed_cameras),
        scenario(outputs::a_broker_and_a_server_are_reached),
        scenario(crash::it_answers_again_after_a_kill),
        scenario(configuration::a_wrong_one_keeps_it_down_and_is_told),
        scenario(service::it_is_ready_when_it_answers_and_says_how_it_goes),
        scenario(service::a_reload_keeps_connections_and_frames),
        scenario(service::it_works_in_a_tight_sandbox),
        scenario(models::a_network_runs_in_the_sandbox_and_is_killed_before_fovea),
        scenario(service::nobody_there_is_no_reason_to_restart),
        scenario(service::a_processor_that_is_stuck_is_named_and_ended),
        scenario(service::nobody_is_turned_away_while_it_restarts),
        scenario(dedicated::others_are_kept_off_the_core_while_wanted),
        scenario(dedicated::it_goes_ahead_of_others_where_it_may),
        scenario(package::an_upgrade_keeps_the_configuration),
        scenario(boot::it_answers_again_after_a_reboot),
        scenario(package::remove_keeps_the_configuration_and_purge_does_not),
    ]
}

/// Booted by the first scenario that is run. If that fails it is not tried again.
static BOARD: Mutex<Option<Result<Board, String>>> = Mutex::new(None);

/// A scenario by the name of its function.
fn scenario<F: Fn(&mut Board) + Send + 'static>(play: F) -> Trial {
    let name = type_name::<F>().trim_start_matches("board::"); // the crate's name, and the module's
    let name = format!("board::{name}");
    Trial::test(name, move || {
        let mut board = BOARD.lock();
        let boot = || catch_unwind(Board::boot).map_err(|panic| message(&*panic).to_owned());
        let board = board.get_or_insert_with(boot).as_mut()?;
        let began = Instant::now();
        board.begin_scenario();
        let outcome = catch_unwind(AssertUnwindSafe(|| play(board)));
        board.note(&format!("{:.0} s", began.elapsed().as_secs_f64()));
        outcome.map_err(|panic| {
            board.show_evidence();
            Failed::from(message(&*panic))
        })
    })
    .with_ignored_flag(true) // a board takes minutes
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("panicked")
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1); // there is one board
    let conclusion = libtest_mimic::run(&arguments, scenarios());
    drop(BOARD.lock().take()); // ends the emulator
    conclusion.exit_code()
}
