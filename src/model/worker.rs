//! The process that opens a network and runs it: `fovea model worker`, which nobody but fovea starts.
//!
//! It gets the file and the pictures over its standard input and answers there. Before it looks at the file it gives up what it
//! does not need, so that nothing in the file can make it take more memory than it may, open a file, or start a program. It runs
//! on the cores and with the niceness of the thread that started it, but never ahead of ordinary programs.

use std::{
    fs,
    io::{self, Read},
    os::{
        fd::{AsFd, RawFd},
        unix::net::UnixStream,
    },
    time::Instant,
};

use nix::{
    sys::{
        prctl,
        resource::{Resource, UsageWho, getrusage, setrlimit},
        signal::{SigSet, Signal},
    },
    unistd::{Gid, Uid, close, geteuid, setgroups, setresgid, setresuid},
};

use super::{
    engine::{Engine, Engines},
    onnx::MAX_FILE_BYTES,
    process::protocol::{Reply, Setup, heads, receive, receive_tensor, send, send_values},
};
use crate::system::{cores, thread};

/// What the process is called in `ps`. The kernel would call it `exe`, after the path that starts it.
pub const PROCESS_NAME: &str = "fovea-model";

/// The user without rights, in every distribution.
const NOBODY: u32 = 65_534;

/// Why the process ends.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// Somebody else started it.
    #[error("standard input is not a connection to fovea: this command is for fovea's own use")]
    Connection(#[source] io::Error),
    /// Its limits cannot be set: it does not look at the file without them.
    #[error("the process cannot limit itself")]
    Limits(#[source] io::Error),
}

/// Opens the file that comes first, and runs every picture that follows, until the connection closes.
///
/// # Errors
/// If fovea is gone, or the limits cannot be set. What is wrong with the file goes to fovea.
pub fn run() -> Result<(), WorkerError> {
    close_inherited().map_err(WorkerError::Limits)?;
    let stdin = io::stdin().as_fd().try_clone_to_owned().map_err(WorkerError::Connection)?;
    let mut stream = UnixStream::from(stdin);
    thread::name(PROCESS_NAME);
    // The thread that started it may go ahead of all other programs. A network takes a hundred times as long as a frame.
    let _ = cores::leave_realtime(); // where it may not, the kernel still leaves a twentieth of the time to others
    leave_signals_to_fovea();
    let setup: Setup = receive(&mut stream).map_err(WorkerError::Connection)?;
    let mut file = Vec::new();
    let wanted = setup.file_bytes.min(MAX_FILE_BYTES as u64);
    stream.by_ref().take(wanted).read_to_end(&mut file).map_err(WorkerError::Connection)?;
    let engines = Engines::load(&setup.wanted);
    limit(setup.max_memory_bytes).map_err(WorkerError::Limits)?;
    become_nobody();
    // Last, as the kernel forgets it when the user changes.
    prctl::set_pdeathsig(Signal::SIGKILL).map_err(io::Error::from).map_err(WorkerError::Limits)?;
    let mut told = Ok(());
    let opened = engines.open(&file, || told = send(&mut stream, &Reply::Trying));
    told.map_err(WorkerError::Connection)?;
    drop(file);
    let mut engine = match opened {
        Ok(engine) => engine,
        Err(error) => {
            return send(&mut stream, &Reply::Failed { reason: error.to_string() }).map_err(WorkerError::Connection);
        }
    };
    send(&mut stream, &Reply::Opened { engine: engine.name() }).map_err(WorkerError::Connection)?;
    while answer(&mut stream, &mut *engine).map_err(WorkerError::Connection)? {}
    Ok(())
}

/// Runs the next picture. Returns false if there is none.
fn answer(stream: &mut UnixStream, engine: &mut dyn Engine) -> io::Result<bool> {
    let input = match receive_tensor(stream) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
        input => input?,
    };
    let started = Instant::now();
    match engine.run(input) {
        Ok(outputs) => {
            let run_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
            send(stream, &Reply::Ran { outputs: heads(&outputs), run_us, peak_memory_bytes: peak_memory_bytes() })?;
            outputs.iter().try_for_each(|output| send_values(stream, output))?;
        }
        Err(error) => send(stream, &Reply::Failed { reason: error.to_string() })?,
    }
    Ok(true)
}

/// systemd and terminals send signals to every process of fovea. fovea ends this one when it ends itself; if this one ended first,
/// that would look like a network that crashes.
fn leave_signals_to_fovea() {
    let signals: SigSet = [Signal::SIGHUP, Signal::SIGINT, Signal::SIGTERM].into_iter().collect();
    let _ = signals.thread_block(); // the log is wrong then, and nothing else
}

/// Closes what whoever started fovea left open, and fovea passed on without knowing.
fn close_inherited() -> io::Result<()> {
    let open: Vec<RawFd> = fs::read_dir("/proc/self/fd")?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|file| *file > 2)
        .collect();
    // That of the list itself is closed already.
    open.into_iter().for_each(|file| _ = close(file));
    Ok(())
}

/// Gives up the rights of root, which `sudo fovea doctor` has. Containers may forbid it; the limits hold without it.
fn become_nobody() {
    if geteuid().is_root() {
        let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
        let _ = setgroups(&[]).and_then(|()| setresgid(group, group, group)).and_then(|()| setresuid(user, user, user));
    }
}

/// Limits what this process may still take. All of it holds for good.
fn limit(max_memory_bytes: u64) -> io::Result<()> {
    let limits = [
        // The program and its libraries have addresses already.
        (Resource::RLIMIT_AS, address_space_bytes()?.saturating_add(max_memory_bytes)),
        // No file, no connection: there are those that it has.
        (Resource::RLIMIT_NOFILE, 0),
        // With 0 the kernel still gives a dump to a program that collects them, such as systemd-coredump.
        (Resource::RLIMIT_CORE, 1),
        (Resource::RLIMIT_FSIZE, 0),
    ];
    // If the board has less memory than that, this process ends before any other.
    let _ = fs::write("/proc/self/oom_score_adj", "1000"); // where /proc cannot be written, the limit above must do
    for (resource, most) in limits {
        #[allow(clippy::useless_conversion, reason = "on 32-bit boards it is one")]
        let most = most.try_into().unwrap_or(nix::sys::resource::RLIM_INFINITY);
        setrlimit(resource, most, most)?;
    }
    Ok(())
}

/// Addresses that this process uses.
fn address_space_bytes() -> io::Result<u64> {
    let pages = fs::read_to_string("/proc/self/statm")?;
    let pages = pages.split(' ').next().and_then(|pages| pages.parse::<u64>().ok());
    let page_bytes = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE)?;
    let page_bytes = page_bytes.and_then(|bytes| u64::try_from(bytes).ok());
    pages.zip(page_bytes).map(|(pages, bytes)| pages.saturating_mul(bytes)).ok_or(io::ErrorKind::InvalidData.into())
}

/// The most memory that this process had.
fn peak_memory_bytes() -> u64 {
    let kilobytes = getrusage(UsageWho::RUSAGE_SELF).map_or(0, |usage| usage.max_rss());
    u64::try_from(kilobytes).unwrap_or(0).saturating_mul(1024)
}
