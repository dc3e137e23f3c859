//! Results for the broker: those that find no room at that moment are dropped and counted.

use std::{collections::BTreeMap, future, io, sync::Arc};

use rumqttc::QoS;

use super::{
    NAME,
    connection::{ConnectError, Connection},
    topics::Topics,
};
use crate::{
    config::Results,
    hub::{
        Hub, Interest, Subscription, Topic,
        published::Published,
        queue::{Next, Queue},
    },
    message::{FrameResult, Message},
    system::async_event_fd::AsyncEventFd,
    telemetry::output_metrics::OutputMetrics,
};

/// The camera of a result, and the processor if it is not the camera's first one.
type Origin = (String, Option<Arc<str>>);

/// Bytes of results that may wait.
const QUEUE_BYTES: usize = 64 * 1024;

/// The results that the broker gets, apart from events: a flood of the ones drops none of the others.
pub(super) struct ResultFlow {
    /// `None` if the broker is to get none.
    source: Option<Source>,
    topics: Topics,
    metrics: Arc<OutputMetrics>,
}

struct Source {
    queue: Arc<Queue>,
    event: AsyncEventFd,
    /// With one a second: of each camera the newest, and of each processor beyond its first one. All are sent at once
    /// otherwise.
    newest: Option<BTreeMap<Origin, Arc<Published>>>,
    _subscription: Subscription,
}

impl ResultFlow {
    /// Subscribes to results, if some are `wanted`. To be called in the runtime that it is awaited in.
    pub(super) fn new(
        wanted: Results,
        hub: &Arc<Hub>,
        topics: Topics,
        metrics: Arc<OutputMetrics>,
    ) -> io::Result<Self> {
        let newest = match wanted {
            Results::Off => return Ok(Self { source: None, topics, metrics }),
            Results::EverySecond => Some(BTreeMap::new()),
            Results::All => None,
        };
        let queue = hub.queue(NAME, QUEUE_BYTES)?;
        let _subscription = hub.subscribe(Interest::all_cameras(&[Topic::Results]), queue.clone());
        let event = AsyncEventFd::new(queue.event().clone())?;
        Ok(Self { source: Some(Source { queue, event, newest, _subscription }), topics, metrics })
    }

    /// Waits until there are some; for ever if there are to be none.
    pub(super) async fn wait(&self) -> io::Result<()> {
        match &self.source {
            Some(source) => source.event.wait_and(|| source.queue.clear_event()).await,
            None => future::pending().await,
        }
    }

    /// Sends those that wait, or keeps the newest of them until the next second. Without a connection there is no room.
    pub(super) fn forward(&mut self, connection: Option<&mut Connection>) -> Result<(), ConnectError> {
        let Some(source) = &mut self.source else { return Ok(()) };
        let mut all = Vec::new();
        while let Some(Next::Message(message)) = source.queue.next() {
            let Message::Result(FrameResult { camera, processor, .. }) = message.message() else { continue };
            let origin = (camera.clone(), processor.clone());
            match &mut source.newest {
                Some(newest) => drop(newest.insert(origin, message)),
                None => all.push((origin, message)),
            }
        }
        self.send(all, connection)
    }

    /// Sends the newest of each camera, once a second.
    pub(super) fn send_newest(&mut self, connection: Option<&mut Connection>) -> Result<(), ConnectError> {
        let newest = self.source.as_mut().and_then(|source| source.newest.as_mut()).map(std::mem::take);
        self.send(newest.unwrap_or_default(), connection)
    }

    fn send(
        &self,
        results: impl IntoIterator<Item = (Origin, Arc<Published>)>,
        mut connection: Option<&mut Connection>,
    ) -> Result<(), ConnectError> {
        for ((camera, processor), message) in results {
            match connection.as_mut().filter(|connection| connection.has_room()) {
                Some(connection) => {
                    let topic = match processor {
                        None => self.topics.camera(&camera, "result"),
                        Some(processor) => self.topics.camera(&camera, &format!("result/{processor}")),
                    };
                    connection.publish(&topic, QoS::AtMostOnce, false, message.json().to_vec())?;
                }
                None => self.metrics.count_dropped(),
            }
        }
        Ok(())
    }
}
