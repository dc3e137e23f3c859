//! A processor's loop: take the newest frame, look at it, say what was seen.

use std::{
    collections::BTreeMap,
    mem,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{StartError, pipeline::CameraPipeline, views::Scratch};
use crate::{
    camera::Branch,
    frame::Frame,
    hub::Hub,
    slot::{CellId, Slot, Take},
    sync::Mutex,
    system::{clock::Monotonic, watchdog::Heartbeat},
    telemetry::processor_metrics::ProcessorMetrics,
};

/// What a processor's thread owns.
#[derive(Debug)]
pub struct Worker {
    pipelines: BTreeMap<CellId, CameraPipeline>,
    /// Those whose cells no more frames go into.
    leaving: Vec<Arc<Branch>>,
    scratch: Scratch,
}

/// What changes between two frames: a cell's frames go through this pipeline from now on, or through none any more.
///
/// Posted before a camera's first frame can come; the processor looks for it whenever the slot gave it a frame or woke it.
#[derive(Debug, Default)]
pub struct PipelineUpdates(Mutex<Vec<Update>>);

#[derive(Debug)]
struct Update {
    cell: CellId,
    pipeline: Option<CameraPipeline>,
    /// The pipeline is for one frame at most, which may wait there.
    leaving: Option<Arc<Branch>>,
}

impl Worker {
    /// A worker without pipelines. To be made on the processor's thread, which OpenCV is kept to: no threads of its own, no
    /// GPU.
    ///
    /// # Errors
    /// When OpenCV or the JPEG decoder does not start.
    pub fn new() -> Result<Self, StartError> {
        opencv::core::set_num_threads(1)?;
        opencv::core::set_use_opencl(false)?;
        Ok(Self { pipelines: BTreeMap::new(), leaving: Vec::new(), scratch: Scratch::new()? })
    }

    /// Whether JPEGs of which only small luma is wanted are decoded faster, as they are by default.
    #[must_use]
    pub fn with_fast_luma(self, is_on: bool) -> Self {
        Self { scratch: self.scratch.with_fast_luma(is_on), ..self }
    }

    /// Looks at the newest frames until the slot is closed. Waits for nothing but frames.
    pub fn run(
        mut self,
        slot: &Slot<Frame>,
        hub: &Hub,
        updates: &PipelineUpdates,
        heartbeat: &Heartbeat,
        metrics: &ProcessorMetrics,
    ) {
        let mut cost = Duration::ZERO;
        loop {
            let deadline = [self.expire(hub), heartbeat.beat()].into_iter().flatten().min();
            let take = slot.take(cost, deadline);
            let began = Instant::now();
            updates.apply(&mut self, hub);
            match take {
                Take::Frame { cell, frame, superseded } => {
                    // There is no pipeline if the camera was removed while its last frame waited.
                    if let Some(pipeline) = self.pipelines.get_mut(&cell) {
                        pipeline.process(&frame, superseded, &mut self.scratch, hub);
                        self.scratch.trim();
                    }
                    cost = began.elapsed();
                    metrics.record(cost);
                }
                Take::NoFrame => cost = began.elapsed(),
                Take::Closed => return,
            }
            self.drop_drained();
        }
    }

    /// Drops the pipelines that no frame waits for any more, of those that are leaving.
    fn drop_drained(&mut self) {
        let pipelines = &mut self.pipelines;
        self.leaving.retain(|branch| {
            let has_frame = branch.cell().counts().waiting > 0;
            if !has_frame {
                pipelines.remove(&branch.cell().id());
            }
            has_frame
        });
    }

    /// Ends the events that are over, of every camera; gives when the next one will be.
    fn expire(&mut self, hub: &Hub) -> Option<Instant> {
        let now = Monotonic::now();
        for pipeline in self.pipelines.values_mut().filter(|one| one.deadline().is_some_and(|deadline| deadline <= now))
        {
            pipeline.expire(now, hub);
        }
        let next = self.pipelines.values().filter_map(CameraPipeline::deadline).min()?;
        Some(Instant::now() + next.since(now))
    }
}

impl PipelineUpdates {
    /// Has the processor give the cell another pipeline, or none.
    pub fn post(&self, cell: CellId, pipeline: Option<CameraPipeline>) {
        self.0.lock().push(Update { cell, pipeline, leaving: None });
    }

    /// Has the processor give the cell of a branch, which is shut, another pipeline until its last frame is taken.
    pub fn post_last(&self, branch: Arc<Branch>, pipeline: CameraPipeline) {
        let cell = branch.cell().id();
        self.0.lock().push(Update { cell, pipeline: Some(pipeline), leaving: Some(branch) });
    }

    /// Applies them. What the earlier pipelines were in the middle of is ended.
    fn apply(&self, worker: &mut Worker, hub: &Hub) {
        let updates = mem::take(&mut *self.0.lock());
        for Update { cell, mut pipeline, leaving } in updates {
            if let Some(mut earlier) = worker.pipelines.remove(&cell) {
                earlier.retire(hub);
                if let Some(pipeline) = &mut pipeline {
                    pipeline.continue_from(&earlier);
                }
            }
            pipeline.iter().for_each(CameraPipeline::publish_counts);
            worker.pipelines.extend(pipeline.map(|pipeline| (cell, pipeline)));
            worker.leaving.extend(leaving);
        }
    }
}
