//! The connections of the port. Those that wait for a request have a pool of their own; a request takes a place.
//!
//! A connection is idle from its start to its first request, and from an answer to the next request. If too many are, one is
//! closed for a new one: browsers connect again when they want something. So a client that connects and says nothing keeps
//! nobody out, and a stream keeps its place for as long as somebody watches.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    body::{Body, Bytes},
    http::Response,
};
use hyper::body::{self, Frame, SizeHint};
use tokio::sync::Notify;

use crate::{
    sync::Mutex,
    system::places::{Holder, NoPlace, Place, Places, first_of_most},
    telemetry::connection_metrics::{ConnectionMetrics, NotServed},
};

/// Connections at one time that wait for a request. For one more, one of them is closed: the longest-waiting of the address
/// that has the most of them.
const MAX_IDLE: usize = 32;

/// What asks whether the daemon lives is answered even if there is no place: its supervisor would restart it.
const HEALTH: [&str; 2] = ["/healthz", "/readyz"];

/// All connections of the port.
#[derive(Debug)]
pub(super) struct Connections {
    max_clients: usize,
    places: Arc<Places>,
    metrics: Arc<ConnectionMetrics>,
    /// The longest-waiting first.
    idle: Mutex<Vec<Arc<Connection>>>,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Connection {
    holder: Holder,
    is_unwanted: Notify,
}

/// Notes a connection as long as it is open.
#[derive(Debug)]
pub(super) struct ConnectionGuard {
    connections: Arc<Connections>,
    connection: Arc<Connection>,
}

/// A request that is being answered.
#[derive(Debug)]
pub(super) struct RequestGuard {
    connections: Arc<Connections>,
    connection: Arc<Connection>,
    _place: Option<Place>,
}

/// A body, and the place of its request until it is sent or its reader has left.
#[derive(Debug)]
struct GuardedBody {
    body: Body,
    _request: RequestGuard,
}

impl Connections {
    pub(super) fn new(max_clients: usize, metrics: Arc<ConnectionMetrics>) -> Self {
        Self { max_clients, places: Arc::default(), metrics, idle: Mutex::default() }
    }

    /// Adds a connection, and closes another that waits if too many do.
    pub(super) fn add(self: &Arc<Self>, holder: Holder) -> ConnectionGuard {
        let connection = Arc::new(Connection { holder, is_unwanted: Notify::new() });
        let mut idle = self.idle.lock();
        if idle.len() >= MAX_IDLE
            && let Some(first) = first_of_most(idle.iter().map(|connection| &connection.holder))
        {
            idle.remove(first).is_unwanted.notify_one();
            self.metrics.count(NotServed::Silent);
        }
        idle.push(connection.clone());
        ConnectionGuard { connections: self.clone(), connection }
    }

    /// What is counted of them.
    pub(super) fn metrics(&self) -> &Arc<ConnectionMetrics> {
        &self.metrics
    }

    /// The most requests that are answered at one time.
    pub(super) fn max_clients(&self) -> usize {
        self.max_clients
    }

    fn remove(&self, connection: &Arc<Connection>) {
        self.idle.lock().retain(|idle| !Arc::ptr_eq(idle, connection));
    }
}

impl ConnectionGuard {
    /// Waits until the connection is to be closed for another.
    pub(super) async fn is_unwanted(&self) {
        self.connection.is_unwanted.notified().await;
    }

    /// Begins a request for `path`.
    ///
    /// # Errors
    /// Says why there is no place for it.
    pub(super) fn begin(&self, path: &str) -> Result<RequestGuard, NoPlace> {
        let (connections, connection) = (self.connections.clone(), self.connection.clone());
        let place = connections.places.take(connection.holder.clone(), connections.max_clients);
        let place = match place {
            Ok(place) => Some(place),
            Err(_) if HEALTH.contains(&path) => None,
            Err(why) => {
                connections.metrics.count(why.into());
                return Err(why);
            }
        };
        connections.remove(&connection);
        Ok(RequestGuard { connections, connection, _place: place })
    }
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        self.connections.remove(&self.connection);
    }
}

impl RequestGuard {
    /// The answer, with the place until it is sent.
    pub(super) fn keep_until_sent(self, answer: Response<Body>) -> Response<Body> {
        answer.map(|body| Body::new(GuardedBody { body, _request: self }))
    }
}

impl Drop for RequestGuard {
    fn drop(&mut self) {
        // Who holds the connection is gone if it is closed: then it waits for nothing.
        if Arc::strong_count(&self.connection) > 1 {
            self.connections.idle.lock().push(self.connection.clone());
        }
    }
}

impl body::Body for GuardedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(max_clients: usize) -> Arc<Connections> {
        Arc::new(Connections::new(max_clients, Arc::default()))
    }

    fn remote(last: u8) -> Holder {
        Holder::of([192, 0, 2, last].into())
    }

    #[test]
    fn of_those_that_wait_the_first_of_the_largest_crowd_goes() {
        let connections = connections(1);
        let quiet = connections.add(remote(1));
        let crowd: Vec<_> = (1..MAX_IDLE + 9).map(|_| connections.add(remote(2))).collect();
        let idle = || connections.idle.lock().clone();
        assert_eq!(idle().len(), MAX_IDLE);
        assert!(Arc::ptr_eq(&idle()[0], &quiet.connection) && Arc::ptr_eq(&idle()[1], &crowd[9].connection));
        drop((quiet, crowd));
        assert!(idle().is_empty());
    }

    #[test]
    fn a_connection_with_a_request_waits_for_none() {
        let connections = connections(4);
        let connection = connections.add(remote(1));
        let request = connection.begin("/live").unwrap();
        assert!(connections.idle.lock().is_empty());
        drop(request);
        assert_eq!(connections.idle.lock().len(), 1);
        let request = connection.begin("/live").unwrap();
        drop(connection); // it is closed in the middle of the answer
        drop(request);
        assert!(connections.idle.lock().is_empty());
    }

    #[test]
    fn health_is_told_when_there_is_no_place() {
        let connections = connections(2);
        let ask = |holder, path| connections.add(holder).begin(path);
        let first = [ask(remote(1), "/live").unwrap(), ask(remote(2), "/live").unwrap()];
        assert_eq!(ask(remote(2), "/live").unwrap_err(), NoPlace::Share(1));
        assert_eq!(ask(remote(3), "/live").unwrap_err(), NoPlace::Full);
        assert!(HEALTH.iter().all(|path| ask(remote(2), path).is_ok()));
        let counts: Vec<_> = connections.metrics.not_served().collect();
        assert_eq!(counts, [("full", 1), ("share", 1), ("silent", 0)]);
        drop(first);
        assert!(ask(remote(2), "/live").is_ok());
    }
}
