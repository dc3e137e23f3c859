//! The clients that are in, and why they may be: a reload of the tokens sends those away that may no longer.

use std::sync::Arc;

use crate::{
    access::Grant,
    hub::queue::{CloseReason, Queue},
    sync::Mutex,
};

/// All clients that were let in.
#[derive(Debug, Default)]
pub(super) struct Admissions(Mutex<Vec<(Arc<Queue>, Grant)>>);

/// One client's entry, until this is dropped.
#[derive(Debug)]
pub(super) struct Admission<'a> {
    admissions: &'a Admissions,
    queue: &'a Arc<Queue>,
}

impl Admissions {
    /// Notes that the client of `queue` is in.
    pub(super) fn add<'a>(&'a self, queue: &'a Arc<Queue>, grant: &Grant) -> Admission<'a> {
        self.0.lock().push((queue.clone(), grant.clone()));
        Admission { admissions: self, queue }
    }

    /// Sends away the clients whose grants do not hold any more.
    pub(super) fn close_unless(&self, holds: impl Fn(&Grant) -> bool) {
        for (queue, grant) in self.0.lock().iter() {
            if !holds(grant) {
                queue.close(CloseReason::Revoked);
            }
        }
    }
}

impl Drop for Admission<'_> {
    fn drop(&mut self) {
        self.admissions.0.lock().retain(|(queue, _)| !Arc::ptr_eq(queue, self.queue));
    }
}
