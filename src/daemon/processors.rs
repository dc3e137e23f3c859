//! The processors of the running daemon: each is a thread with a slot of its own.

use std::{
    io,
    sync::{Arc, mpsc::sync_channel},
    time::Instant,
};

use log::{info, warn};

use crate::{
    config::{self, MAIN},
    frame::Frame,
    hub::Hub,
    processor::{
        StartError, thread_name,
        worker::{PipelineUpdates, Worker},
    },
    slot::Slot,
    system::{
        cores::{Cores, CoresError, List, set_lowest_priority},
        event_fd::EventFd,
        thread::{JoinTimeout, Thread},
        watchdog::Watchdog,
    },
    telemetry::processor_metrics::ProcessorMetrics,
};

/// What cameras and status have of a processor.
#[derive(Clone, Debug)]
pub(super) struct Processor {
    pub(super) name: Arc<str>,
    pub(super) slot: Arc<Slot<Frame>>,
    pub(super) updates: Arc<PipelineUpdates>,
    pub(super) metrics: Arc<ProcessorMetrics>,
}

/// The processors and their threads, `main` first.
#[derive(Debug)]
pub(super) struct Processors {
    all: Vec<Processor>,
    threads: Vec<Thread>,
    hub: Arc<Hub>,
    ended: Arc<EventFd>,
}

/// Why a processor's thread does not start.
#[derive(Debug, thiserror::Error)]
pub(super) enum SpawnError {
    #[error(transparent)]
    Cores(#[from] CoresError),
    #[error(transparent)]
    Processor(#[from] StartError),
    #[error(transparent)]
    System(#[from] io::Error),
}

impl Processor {
    /// A processor that does not run yet.
    pub(super) fn new(name: &str, core: Option<usize>) -> Self {
        let name: Arc<str> = name.into();
        let metrics = Arc::new(ProcessorMetrics::new(name.clone(), core));
        Self { name, slot: Slot::new(), updates: Arc::default(), metrics }
    }
}

impl Processors {
    /// Starts those of the configuration, each on its core, and waits until they are there.
    pub(super) fn start(
        config: &config::Config,
        all: Vec<Processor>,
        cores: &Cores,
        hub: &Arc<Hub>,
        ended: &Arc<EventFd>,
        watchdog: &mut Watchdog,
    ) -> Result<Self, SpawnError> {
        let mut processors = Self { all: Vec::new(), threads: Vec::new(), hub: hub.clone(), ended: ended.clone() };
        let wanted = config.wanted_cores();
        for (index, (processor, settings)) in all.into_iter().zip(&config.processors).enumerate() {
            let (cores, priority, whose) = (cores.clone(), settings.realtime_priority, wanted[index].whose());
            processors.spawn(processor, settings, watchdog, move || cores.pin_processor(index, priority, &whose))?;
        }
        Ok(processors)
    }

    /// Starts those of another configuration that do not run yet. Until the next start they have no core of their own: the
    /// cores are shared out already. They have nothing to do before cameras have branches there, and stay if the rest of
    /// the new configuration cannot be.
    pub(super) fn add(&mut self, config: &config::Config, watchdog: &mut Watchdog) -> Result<(), SpawnError> {
        for settings in &config.processors {
            if !self.all.iter().any(|processor| *processor.name == *settings.name) {
                let lowest = || {
                    // It still runs, and no less often than the others let it.
                    let _ = set_lowest_priority();
                    Ok(())
                };
                self.spawn(Processor::new(&settings.name, None), settings, watchdog, lowest)?;
            }
        }
        Ok(())
    }

    /// All of them.
    pub(super) fn all(&self) -> &[Processor] {
        &self.all
    }

    /// Ends them after the frames that they are at, until `limit` at most.
    pub(super) fn stop(self, limit: Instant) -> Result<(), JoinTimeout> {
        self.all.iter().for_each(|processor| processor.slot.close());
        self.threads.into_iter().map(|thread| thread.join_until(limit)).fold(Ok(()), Result::and)
    }

    /// Starts a thread that first puts itself into its `place`, and waits until it has.
    fn spawn(
        &mut self,
        processor: Processor,
        settings: &config::Processor,
        watchdog: &mut Watchdog,
        place: impl FnOnce() -> Result<(), CoresError> + Send + 'static,
    ) -> Result<(), SpawnError> {
        let (report, first_step) = sync_channel(1);
        let name = thread_name(&processor.name);
        let (hub, heartbeat) = (self.hub.clone(), watchdog.watch(&name));
        let Processor { slot, updates, metrics, .. } = processor.clone();
        let fast_luma = settings.fast_luma;
        let thread = Thread::spawn(&name, self.ended.clone(), move || {
            let start = || Ok(Worker::new()?.with_fast_luma(fast_luma));
            let ready = place().map_err(SpawnError::from).and_then(|()| start());
            let (ready, worker) = match ready {
                Ok(worker) => (Ok(()), Some(worker)),
                Err(error) => (Err(error), None),
            };
            // The starter waits for this report; if it is gone, so is the process.
            let _ = report.send(ready);
            if let Some(worker) = worker {
                heartbeat.adopt();
                worker.run(&slot, &hub, &updates, &heartbeat, &metrics);
            }
        })?;
        first_step.recv().expect("the thread reports before it does anything else")?;
        self.all.push(processor);
        self.threads.push(thread);
        Ok(())
    }
}

/// Says where each runs.
pub(super) fn log_cores(config: &config::Config, cores: &Cores) {
    if config.processors.len() == 1 {
        let core = List(&cores.processor(0).into_iter().collect::<Vec<_>>()).to_string();
        if cores.is_dedicated(0) {
            info!("the processor runs on core {core}; the other threads of fovea use other cores");
        } else {
            warn!("the processor shares core {core} with all other programs: fovea may use no other core");
        }
        return;
    }
    let housekeeping = List(cores.housekeeping());
    for (index, config::Processor { name, realtime_priority, .. }) in config.processors.iter().enumerate() {
        match cores.processor(index) {
            Some(core) if cores.is_dedicated(index) => info!("the processor {name} runs on core {core}"),
            Some(core) if name == MAIN => {
                warn!("the processor {name} shares core {core} with all other programs: fovea may use no other core");
            }
            core => {
                let core = core.map_or_else(|| housekeeping.to_string(), |core| core.to_string());
                info!(
                    "the processor {name} shares core {core} with the other threads of fovea, at the lowest priority"
                );
                if realtime_priority.is_some() {
                    warn!("the processor {name} has no core of its own: its realtime_priority is not used");
                }
            }
        }
    }
    info!("the other threads of fovea use core {housekeeping}");
}
