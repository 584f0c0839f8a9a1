//! The pump's promises: exactly one completion an operation, on the ticking thread, whatever happens.

use super::*;
use aethex_wire::ErrorCode;
use std::sync::mpsc::{Receiver, channel};

/// Ticks until a completion ran.
fn tick_once(pump: &Pump) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while pump.tick() == 0 {
        assert!(Instant::now() < deadline, "no completion");
        std::thread::yield_now();
    }
}

fn submit(
    pump: &Pump,
    op: impl Future<Output = Result<u32, Error>> + Send + 'static,
) -> (OpId, Receiver<Outcome>) {
    let (tell, told) = channel();
    let id = pump.submit(op, move |result| {
        tell.send((result.map_err(|error| error.code), std::thread::current().id())).unwrap();
    });
    (id, told)
}

type Outcome = (Result<u32, ErrorCode>, ThreadId);

#[test]
fn a_result_arrives_in_a_tick_on_the_ticking_thread() {
    let pump = Pump::start().unwrap();
    let (_, told) = submit(&pump, async { Ok(7) });
    tick_once(&pump);
    assert_eq!(told.try_recv().unwrap(), (Ok(7), std::thread::current().id()));
    assert_eq!(pump.tick(), 0);
    assert!(told.try_recv().is_err(), "once");
}

#[test]
fn a_cancelled_operation_completes_once() {
    let pump = Pump::start().unwrap();
    let (id, told) = submit(&pump, std::future::pending());
    assert!(pump.cancel(id));
    tick_once(&pump);
    assert_eq!(told.try_recv().unwrap().0, Err(ErrorCode::Cancelled));
    assert!(!pump.cancel(id), "it has ended");
    assert!(!pump.cancel(OpId::from_raw(99)), "unknown");
    assert!(told.try_recv().is_err());
}

#[test]
fn a_panic_becomes_an_error_and_the_thread_goes_on() {
    let pump = Pump::start().unwrap();
    let (_, told) = submit(&pump, async { panic!("on purpose") });
    tick_once(&pump);
    assert_eq!(told.try_recv().unwrap().0, Err(ErrorCode::SdkFault));
    let call = pump.call::<(), _>(async { panic!("on purpose") });
    assert_eq!(pump.block_on(call).unwrap_err().code, ErrorCode::SdkFault);
    assert_eq!(pump.block_on(async { 5 }), 5);
}

#[test]
fn shutdown_completes_everything_once_and_ends_the_thread() {
    let pump = Pump::start().unwrap();
    let (_, stuck) = submit(&pump, std::future::pending());
    let (_, quick) = submit(&pump, async { Ok(1) });
    pump.shutdown(Duration::from_millis(1));
    assert_eq!(stuck.try_recv().unwrap().0, Err(ErrorCode::ShutDown));
    // It may have run before the stop or not; it has completed either way.
    assert!(matches!(quick.try_recv().unwrap().0, Ok(1) | Err(ErrorCode::ShutDown)));
    let (id, late) = submit(&pump, async { Ok(2) });
    assert!(late.try_recv().is_err(), "never inside submit");
    assert_eq!(pump.tick(), 1);
    assert_eq!(late.try_recv().unwrap().0, Err(ErrorCode::ShutDown));
    assert!(!pump.cancel(id));
    pump.shutdown(Duration::MAX);
    assert!(pump.thread.lock().is_none());
}

#[test]
fn shutdown_waits_for_what_ends_in_its_grace() {
    let pump = Pump::start().unwrap();
    let (release, released) = oneshot::channel::<()>();
    let (_, told) = submit(&pump, async move {
        released.await.unwrap();
        Ok(3)
    });
    // The grace is long, so the release decides; it comes from another thread, before or during the wait.
    let releaser = std::thread::spawn(move || release.send(()));
    pump.shutdown(Duration::from_secs(60));
    assert_eq!(told.try_recv().unwrap().0, Ok(3));
    releaser.join().unwrap().unwrap();
}

#[test]
fn shutdown_inside_an_operation_does_not_hang() {
    let pump = Arc::new(Pump::start().unwrap());
    let inner = Arc::clone(&pump);
    let (_, told) = submit(&pump, async move {
        inner.stop(Duration::from_secs(60));
        Ok(4)
    });
    tick_once(&pump);
    assert_eq!(told.try_recv().unwrap().0, Ok(4));
    pump.shutdown(Duration::ZERO);
}

#[test]
fn two_threads_may_shut_down_at_once() {
    let pump = Pump::start().unwrap();
    let completed = Arc::new(AtomicUsize::new(0));
    for _ in 0..100 {
        let completed = Arc::clone(&completed);
        pump.submit(std::future::pending::<Result<(), Error>>(), move |_| {
            completed.fetch_add(1, Ordering::Relaxed);
        });
    }
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| pump.shutdown(Duration::from_millis(1)));
        }
    });
    assert_eq!(completed.load(Ordering::Relaxed), 100);
}

#[test]
fn callbacks_may_tick_submit_and_shut_down() {
    let pump = Arc::new(Pump::start().unwrap());
    let inner = Arc::clone(&pump);
    let (tell, told) = channel();
    pump.submit(async { Ok(()) }, move |_| {
        inner.tick();
        let (tell_again, outer) = (tell.clone(), Arc::clone(&inner));
        inner.submit(async { Ok(()) }, move |result| {
            outer.shutdown(Duration::ZERO);
            tell_again.send(result.is_ok()).unwrap();
        });
        tell.send(true).unwrap();
    });
    tick_once(&pump);
    assert!(told.try_recv().unwrap());
    tick_once(&pump);
    assert!(told.try_recv().unwrap());
}

#[test]
fn a_tick_is_bounded() {
    let pump = Pump::start().unwrap();
    let (tell, told) = channel();
    for i in 0..TICK_COMPLETIONS_MAX * 2 + 1 {
        let tell = tell.clone();
        pump.submit(async move { Ok(i) }, move |result| tell.send(result.unwrap()).unwrap());
    }
    pump.stop(Duration::from_secs(60));
    assert_eq!(pump.tick(), TICK_COMPLETIONS_MAX);
    assert_eq!(pump.tick(), TICK_COMPLETIONS_MAX);
    assert_eq!(pump.tick(), 1);
    assert!(told.try_iter().is_sorted(), "oldest first");
}

#[test]
fn a_call_works_from_any_executor_and_stops_when_dropped() {
    let pump = Pump::start().unwrap();
    let call = pump.call(async { Ok::<_, Error>(tokio::runtime::Handle::try_current().is_ok()) });
    let outside = Builder::new_current_thread().build().unwrap();
    assert!(outside.block_on(call).unwrap());
    let (alive, ended) = oneshot::channel::<()>();
    let call = pump.call(async move {
        let _alive = alive;
        std::future::pending::<Result<(), Error>>().await
    });
    outside.block_on(async {
        tokio::select! { biased; _ = call => {}, () = std::future::ready(()) => {} }
    });
    assert!(outside.block_on(ended).is_err(), "the operation was dropped");
}
