//! Work on all items, on all cores.

use std::{sync::Mutex, thread};

/// What `work` makes of each item, in the items' order.
pub(crate) fn map<T: Sync, R: Clone + Default + Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let waiting = Mutex::new(items.iter().enumerate());
    let done = Mutex::new(vec![R::default(); items.len()]);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some((i, item)) = { waiting.lock().expect("no panics").next() } {
                    let result = work(item);
                    done.lock().expect("no panics")[i] = result;
                }
            });
        }
    });
    done.into_inner().expect("no panics")
}
