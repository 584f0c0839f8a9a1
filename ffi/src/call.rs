//! Requests: a future of the core, a C callback, and exactly one completion between them.
//!
//! A request is numbered before it starts. Its completion runs inside the tick (or destroy) that drains
//! it, on that thread, walled off from panics. What a completion lends to C lives in a [`Lent`] until the
//! callback has returned.

use crate::cloud::Entry;
use crate::error::{OK, aethex_error, number};
use crate::handle::{Kind, lock};
use crate::strings::{Text, aethex_str, put, writable};
use crate::value::{aethex_value, lend, release};
use aethex_sdk_core::{Error, Value};
use aethex_wire::ErrorCode;
use std::any::Any;
use std::ffi::c_void;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Most requests of one cloud under way at a time: a game has a handful; more is a loop gone wrong.
const REQUESTS_MAX: usize = 4096;

/// A request under way: a 64-bit number, for `aethex_cancel`. It is never given out twice.
pub type aethex_op = u64;

/// Result of a request that has nothing to tell but how it ended. Every other result begins with the same
/// fields.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_result {
    /// Size of this struct in the library that runs.
    pub struct_size: u32,
    /// `AETHEX_OK`, or why the request failed.
    pub error: aethex_error,
    /// The request.
    pub op: aethex_op,
    /// What happened and what to do about it; empty on success.
    pub message: aethex_str,
    /// Whether the same request may succeed later, unchanged.
    pub retryable: bool,
}

/// Called once with the result of a request. The result is lent for the time of the call.
pub type aethex_callback = Option<unsafe extern "C" fn(user_data: *mut c_void, result: *const aethex_result)>;

/// A callback for results of the type `R`, as C hands it in.
pub(crate) type Callback<R> = Option<unsafe extern "C" fn(user_data: *mut c_void, result: *const R)>;

/// The caller's pointer, carried to the callback and never followed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UserData(pub(crate) *mut c_void);

// SAFETY: the pointer is only handed back to the caller's callback; the header says on which thread.
unsafe impl Send for UserData {}

impl UserData {
    pub(crate) fn get(self) -> *mut c_void {
        self.0
    }
}

/// How a request ended, as every result begins.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) error: aethex_error,
    pub(crate) message: Text,
    pub(crate) retryable: bool,
}

impl Outcome {
    pub(crate) fn of<T>(result: &Result<T, Error>) -> Outcome {
        match result {
            Ok(_) => Outcome { error: OK, message: Text::new(""), retryable: false },
            Err(error) => Outcome {
                error: number(error.code),
                message: Text::new(&error.message),
                retryable: error.retryable,
            },
        }
    }
}

/// Memory behind what a callback is lent.
#[derive(Debug, Default)]
pub(crate) struct Lent {
    texts: Vec<Text>,
    lists: Vec<Box<[aethex_str]>>,
    kept: Vec<Rc<dyn Any>>,
}

impl Lent {
    pub(crate) fn text(&mut self, text: &str) -> aethex_str {
        let text = Text::new(text);
        let lent = text.as_c();
        self.texts.push(text);
        lent
    }

    /// The texts as an array for C; null when there are none.
    pub(crate) fn list<'a>(&mut self, texts: impl Iterator<Item = &'a str>) -> (*const aethex_str, usize) {
        let list: Box<[aethex_str]> = texts.map(|text| self.text(text)).collect();
        if list.is_empty() {
            return (std::ptr::null(), 0);
        }
        let lent = (list.as_ptr(), list.len());
        self.lists.push(list);
        lent
    }

    /// A value's handle, which ends with this; 0 for none, or when there are no handles left.
    pub(crate) fn value(&mut self, value: Option<&Value>) -> aethex_value {
        self.owned_value(value.cloned())
    }

    /// As [`Lent::value`], of a value that nobody else needs.
    pub(crate) fn owned_value(&mut self, value: Option<Value>) -> aethex_value {
        let handle = value.and_then(|value| lend(value).ok()).unwrap_or(0);
        if handle != 0 {
            self.kept.push(Rc::new(Handle(handle)));
        }
        handle
    }

    /// A place for one struct.
    pub(crate) fn one<T: 'static>(&mut self, it: T) -> *const T {
        let kept = Rc::new(it);
        let place = Rc::as_ptr(&kept);
        self.kept.push(kept);
        place
    }

    /// Numbers as an array for C; null when there are none.
    pub(crate) fn numbers(&mut self, numbers: impl Iterator<Item = i32>) -> (*const i32, usize) {
        let kept: Rc<Vec<i32>> = Rc::new(numbers.collect());
        if kept.is_empty() {
            return (std::ptr::null(), 0);
        }
        let lent = (kept.as_ptr(), kept.len());
        self.kept.push(kept);
        lent
    }

    /// Structs as an array of pointers for C; null when there are none.
    pub(crate) fn all<I, T: 'static>(
        &mut self,
        items: &[I],
        lend: impl Fn(&mut Lent, &I) -> T,
    ) -> (*const *const T, usize) {
        let mut places: Vec<*const T> = Vec::with_capacity(items.len());
        for item in items {
            let it = lend(self, item);
            places.push(self.one(it));
        }
        if places.is_empty() {
            return (std::ptr::null(), 0);
        }
        let kept = Rc::new(places);
        let lent = (kept.as_ptr(), kept.len());
        self.kept.push(kept);
        lent
    }
}

/// A value's handle that was lent.
struct Handle(aethex_value);

impl Drop for Handle {
    fn drop(&mut self) {
        release(self.0);
    }
}

/// What every result begins with, behind its size.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    pub(crate) error: aethex_error,
    pub(crate) op: aethex_op,
    pub(crate) message: aethex_str,
    pub(crate) retryable: bool,
}

/// A completion that lends the callback what `lend` makes of the result.
pub(crate) fn done<T: 'static, R: 'static>(
    callback: Callback<R>,
    user_data: *mut c_void,
    lend: fn(&mut Lent, Head, Result<T, Error>) -> R,
) -> impl FnOnce(aethex_op, Result<T, Error>) + Send + 'static {
    let user_data = UserData(user_data);
    move |op, result| {
        let Some(callback) = callback else { return };
        let mut lent = Lent::default();
        let head = match &result {
            Ok(_) => Head { error: OK, op, message: aethex_str::EMPTY, retryable: false },
            Err(error) => Head {
                error: number(error.code),
                op,
                message: lent.text(&error.message),
                retryable: error.retryable,
            },
        };
        let result = lend(&mut lent, head, result);
        // SAFETY: the header asks for a callback that can be called with its user data until then.
        unsafe { callback(user_data.get(), &result) };
    }
}

/// Size of a struct as it says itself.
pub(crate) const fn size_for_c<T>() -> u32 {
    size_of::<T>() as u32
}

/// Starts a request. `done` runs exactly once when this answers `Ok`, and never otherwise.
///
/// # Safety
/// `op_out` is null or points to writable memory.
pub(crate) unsafe fn request<T: Send + 'static>(
    entry: &Arc<Entry>,
    op_out: *mut aethex_op,
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
    done: impl FnOnce(aethex_op, Result<T, Error>) + Send + 'static,
) -> Result<(), ErrorCode> {
    if !op_out.is_null() {
        writable(op_out)?;
    }
    let open = entry.open()?;
    let mut requests = lock(&entry.requests);
    if requests.len() >= REQUESTS_MAX {
        return Err(ErrorCode::QueueFull);
    }
    let op = next_op();
    if !op_out.is_null() {
        // SAFETY: checked above. Written before the request starts: its callback may look at it.
        unsafe { put(op_out, op) }?;
    }
    let owner = Arc::downgrade(entry);
    let id = entry.cloud.submit(work, move |result| {
        if let Some(owner) = owner.upgrade() {
            lock(&owner.requests).remove(&op);
        }
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| done(op, result))) {
            // Dropping a payload may panic once more.
            std::mem::forget(payload);
        }
    });
    requests.insert(op, id);
    drop(requests);
    drop(open);
    Ok(())
}

/// Starts a request whose result is only how it ended.
///
/// # Safety
/// As [`request`].
pub(crate) unsafe fn request_plain<T: Send + 'static>(
    entry: &Arc<Entry>,
    op_out: *mut aethex_op,
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
    callback: aethex_callback,
    user_data: *mut c_void,
) -> Result<(), ErrorCode> {
    let done = done(callback, user_data, |_, head, _: Result<T, Error>| aethex_result {
        struct_size: size_for_c::<aethex_result>(),
        error: head.error,
        op: head.op,
        message: head.message,
        retryable: head.retryable,
    });
    // SAFETY: the caller's promise, passed on.
    unsafe { request(entry, op_out, work, done) }
}

fn next_op() -> aethex_op {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    // 56 bits: a thousand requests a second for two million years.
    Kind::Op.tag(NEXT.fetch_add(1, Ordering::Relaxed))
}
