//! The process that opens a network and runs it: `fovea model worker`, which nobody but fovea starts.
//!
//! It gets the file and the pictures over its standard input and answers there. Before it looks at the file it gives up what it
//! does not need, so that nothing in the file can make it take more memory than it may, open a file, or start a program.

use std::{
    fs,
    io::{self, Read},
    os::{fd::AsFd, unix::net::UnixStream},
    time::Instant,
};

use nix::sys::{
    prctl,
    resource::{Resource, UsageWho, getrusage, setrlimit},
    signal::Signal,
};

use super::{
    engine::{Engine, Engines},
    onnx::MAX_FILE_BYTES,
    process::protocol::{Reply, Setup, heads, receive, receive_tensor, send, send_values},
};

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
    let stdin = io::stdin().as_fd().try_clone_to_owned().map_err(WorkerError::Connection)?;
    let mut stream = UnixStream::from(stdin);
    prctl::set_pdeathsig(Signal::SIGKILL).map_err(io::Error::from).map_err(WorkerError::Limits)?;
    let setup: Setup = receive(&mut stream).map_err(WorkerError::Connection)?;
    let mut file = Vec::new();
    let wanted = setup.file_bytes.min(MAX_FILE_BYTES as u64);
    stream.by_ref().take(wanted).read_to_end(&mut file).map_err(WorkerError::Connection)?;
    let engines = Engines::load(&setup.wanted);
    limit(setup.max_memory_bytes).map_err(WorkerError::Limits)?;
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

/// Limits what this process may still take. All of it holds for good.
fn limit(max_memory_bytes: u64) -> io::Result<()> {
    let limits = [
        // The program and its libraries have addresses already.
        (Resource::RLIMIT_AS, address_space_bytes()?.saturating_add(max_memory_bytes)),
        // No file, no connection: there are those that it has.
        (Resource::RLIMIT_NOFILE, 0),
        (Resource::RLIMIT_CORE, 0),
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
