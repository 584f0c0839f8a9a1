//! What a game says about its slots, and the C functions that answer for it.
//!
//! The core asks on a thread of its own, which waits; the questions are answered inside `aethex_tick`, where all
//! callbacks run. Without a tick in time, or once the cloud is being destroyed, there is no answer.

use crate::call::UserData;
use crate::cloud::{Entry, aethex_cloud, entry};
use crate::error::{aethex_error, guard};
use crate::handle::lock;
use crate::strings::{Text, aethex_str, read_options, slice};
use crate::value::{aethex_value, lend, release, snapshot};
use aethex_sdk_core::{Custom, Definition, Migrate, Policies, Question, SAVE_KEY_LEN, SaveKey, Value};
use aethex_wire::ErrorCode;
use aethex_wire::merge::Decider;
use std::collections::VecDeque;
use std::ffi::c_void;
use std::mem::offset_of;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

/// How long a question waits for a tick: shorter than the core waits, longer than a level takes to load.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(8);
/// Most questions that wait: each holds a thread of the core, which has four.
const QUESTIONS_MAX: usize = 16;
/// The least of the options a caller may have.
const DEFINE_OPTIONS_SIZE_MIN: usize = offset_of!(aethex_define_options, schema);

/// Who decides where both sides changed the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum aethex_decider {
    /// The default: the later save for parts, the player for contents that are bytes.
    AETHEX_DECIDER_DEFAULT = 0,
    /// The side that was saved later.
    AETHEX_DECIDER_LATEST = 1,
    /// The side with more played time.
    AETHEX_DECIDER_PLAYTIME = 2,
    /// This device.
    AETHEX_DECIDER_LOCAL = 3,
    /// The cloud.
    AETHEX_DECIDER_CLOUD = 4,
    /// The player; not for parts.
    AETHEX_DECIDER_ASK = 5,
}

/// Brings a value of the given schema up to the present one. Called inside `aethex_tick`. `value` is lent for the time of the
/// call. Returns a new value, which the library takes; 0 when it cannot: the load then fails.
pub type aethex_migrate_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, value: aethex_value, schema: i64) -> aethex_value>;

/// Decides about a field with a custom policy. Called inside `aethex_tick`. Everything is lent for the time of the call; a side
/// that has nothing there is 0. Returns a new value, which the library takes; 0: the player is asked. For the same
/// question it must give the same answer on every device.
pub type aethex_merge_callback = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        name: aethex_str,
        path: aethex_str,
        base: aethex_value,
        local: aethex_value,
        cloud: aethex_value,
    ) -> aethex_value,
>;

/// What a game says about its slots. Set everything to zero, then `struct_size` and what you need.
#[derive(Debug)]
#[repr(C)]
pub struct aethex_define_options {
    /// `sizeof(aethex_define_options)`.
    pub struct_size: u32,
    /// Must be 0.
    pub reserved: u32,
    /// Version of the game's data layout; 0 when the game does not count them.
    pub schema: i64,
    /// Brings values of older schemas up; null: they are taken as they are.
    pub migrate: aethex_migrate_callback,
    /// Decides about fields with the policy `custom`; null: the player is asked.
    pub merge: aethex_merge_callback,
    /// Passed to both. It must stay usable until the definition is replaced or the cloud destroyed.
    pub user_data: *mut c_void,
    /// An `aethex_decider`: who decides about parts that both sides changed.
    pub parts: i32,
    /// An `aethex_decider`: who decides about contents that are bytes.
    pub bytes: i32,
}

/// Says how the slots of a pattern are merged when two devices changed them, and which schema the game writes. `*` in
/// the pattern stands for any characters.
///
/// `policies` is a dictionary from paths to policies, `{"coins": "counter", "best": "max"}`, for example made by
/// `aethex_value_from_json`; 0 for none. It stays yours. `options` may be null. Call it before the first load or save.
/// `AETHEX_ERROR_INVALID_ARGUMENT`: a pattern, path or policy is not usable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_saves_define(
    cloud: aethex_cloud,
    pattern: aethex_str,
    policies: aethex_value,
    options: *const aethex_define_options,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers; the options are integers and pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let _open = entry.open()?;
        let pattern = pattern.needed()?;
        let mut definition = Definition::default();
        if policies != 0 {
            let declared = snapshot(policies)?.into_value();
            definition.policies = Policies::parse(&declared).map_err(|_| ErrorCode::InvalidArgument)?;
        }
        if !options.is_null() {
            let options = read_options(options, DEFINE_OPTIONS_SIZE_MIN)?;
            fill(&mut definition, &entry, &options)?;
        }
        entry.cloud.saves().define(&pattern, definition).map_err(|error| error.code)
    })
}

/// Sets the key of 32 bytes that saves are encrypted with before they leave this device; null with 0 bytes ends it for
/// new saves. It is copied, and kept in memory only. The backend then stores what it cannot read: nobody can help when
/// the key is lost.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aethex_saves_set_key(
    cloud: aethex_cloud,
    key: *const u8,
    len: usize,
) -> aethex_error {
    // SAFETY: the header asks for valid or null pointers.
    guard(|| unsafe {
        let entry = entry(cloud)?;
        let _open = entry.open()?;
        let bytes = slice(key, len, SAVE_KEY_LEN)?;
        let key = match bytes.len() {
            0 => None,
            _ => Some(SaveKey::new(bytes.try_into().map_err(|_| ErrorCode::InvalidArgument)?)),
        };
        entry.cloud.saves().set_save_key(key);
        Ok(())
    })
}

fn fill(
    definition: &mut Definition,
    entry: &Arc<Entry>,
    options: &aethex_define_options,
) -> Result<(), ErrorCode> {
    if options.reserved != 0 {
        return Err(ErrorCode::InvalidArgument);
    }
    definition.schema = options.schema;
    definition.parts = decider(options.parts, definition.parts)?;
    definition.bytes = decider(options.bytes, definition.bytes)?;
    let user_data = UserData(options.user_data);
    definition.migrate = options.migrate.map(|callback| migrate(entry, Function { callback, user_data }));
    definition.custom = options.merge.map(|callback| custom(entry, Function { callback, user_data }));
    Ok(())
}

fn decider(number: i32, default: Decider) -> Result<Decider, ErrorCode> {
    use aethex_decider as D;
    let all = [
        (D::AETHEX_DECIDER_DEFAULT, default),
        (D::AETHEX_DECIDER_LATEST, Decider::Latest),
        (D::AETHEX_DECIDER_PLAYTIME, Decider::Playtime),
        (D::AETHEX_DECIDER_LOCAL, Decider::Local),
        (D::AETHEX_DECIDER_CLOUD, Decider::Cloud),
        (D::AETHEX_DECIDER_ASK, Decider::Ask),
    ];
    let found = all.into_iter().find(|(name, _)| *name as i32 == number);
    found.map(|(_, decider)| decider).ok_or(ErrorCode::InvalidArgument)
}

/// A C function with what it is passed.
#[derive(Debug, Clone, Copy)]
struct Function<F> {
    callback: F,
    user_data: UserData,
}

// SAFETY: the pointer is only handed back to the caller's callback, inside the tick.
unsafe impl<F: Send> Sync for Function<F> {}

impl Function<MigrateFunction> {
    fn call(&self, value: Value, schema: i64) -> Option<Value> {
        let lent = Lending::of(Some(value));
        // SAFETY: the header asks for a callback that can be called with its user data until then.
        taken(unsafe { (self.callback)(self.user_data.get(), lent.0, schema) })
    }
}

impl Function<MergeFunction> {
    fn call(&self, name: &str, path: &str, sides: [Option<Value>; 3]) -> Option<Value> {
        let (name, path) = (Text::new(name), Text::new(path));
        let [base, local, cloud] = sides.map(Lending::of);
        let (name, path) = (name.as_c(), path.as_c());
        // SAFETY: as above.
        taken(unsafe { (self.callback)(self.user_data.get(), name, path, base.0, local.0, cloud.0) })
    }
}

type MigrateFunction = unsafe extern "C" fn(*mut c_void, aethex_value, i64) -> aethex_value;
type MergeFunction = unsafe extern "C" fn(
    *mut c_void,
    aethex_str,
    aethex_str,
    aethex_value,
    aethex_value,
    aethex_value,
) -> aethex_value;

fn migrate(entry: &Arc<Entry>, function: Function<MigrateFunction>) -> Migrate {
    let board = Arc::downgrade(&entry.questions);
    Arc::new(move |value: Value, schema: i64| {
        let answer = ask(&board, move || function.call(value, schema));
        answer.ok_or_else(|| "the game's migrate callback gave nothing".to_owned())
    })
}

fn custom(entry: &Arc<Entry>, function: Function<MergeFunction>) -> Custom {
    let board = Arc::downgrade(&entry.questions);
    Arc::new(move |question: &Question<'_>| {
        let (name, path) = (question.name.to_owned(), question.path.to_owned());
        let sides = [question.base, question.local, question.cloud].map(|side| side.cloned());
        ask(&board, move || function.call(&name, &path, sides))
    })
}

/// A value that is lent to a callback; its handle ends with this.
struct Lending(aethex_value);

impl Lending {
    fn of(value: Option<Value>) -> Lending {
        Lending(value.and_then(|value| lend(value).ok()).unwrap_or(0))
    }
}

impl Drop for Lending {
    fn drop(&mut self) {
        if self.0 != 0 {
            release(self.0);
        }
    }
}

/// The value that a callback gave; its handle ends.
fn taken(handle: aethex_value) -> Option<Value> {
    if handle == 0 {
        return None;
    }
    let value = snapshot(handle).ok()?.into_value();
    release(handle);
    Some(value)
}

type Work = Box<dyn FnOnce() -> Option<Value> + Send>;

/// The questions that wait for a tick.
#[derive(Default)]
pub(crate) struct Questions {
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    questions: VecDeque<(Work, SyncSender<Option<Value>>)>,
    closed: bool,
}

/// Asks on the core's thread, and waits for the tick that answers.
fn ask(board: &Weak<Questions>, work: impl FnOnce() -> Option<Value> + Send + 'static) -> Option<Value> {
    let (answer, answered) = sync_channel(1);
    {
        let board = board.upgrade()?;
        let mut waiting = lock(&board.waiting);
        if waiting.closed || waiting.questions.len() >= QUESTIONS_MAX {
            return None;
        }
        waiting.questions.push_back((Box::new(work), answer));
    }
    answered.recv_timeout(ANSWER_TIME_MAX).ok().flatten()
}

impl Questions {
    /// Answers what waits, inside the tick.
    pub(crate) fn answer(&self) {
        let questions = std::mem::take(&mut lock(&self.waiting).questions);
        for (work, answer) in questions {
            let given = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
                // Dropping a payload may panic once more.
                std::mem::forget(payload);
                None
            });
            // Whoever asked may have given up.
            let _ = answer.try_send(given);
        }
    }

    /// Nobody answers from here on: who waits goes on without.
    pub(crate) fn close(&self) {
        let mut waiting = lock(&self.waiting);
        waiting.closed = true;
        waiting.questions.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::aethex_value_get_int;

    unsafe extern "C" fn doubled(
        _: *mut c_void,
        name: aethex_str,
        path: aethex_str,
        base: aethex_value,
        local: aethex_value,
        cloud: aethex_value,
    ) -> aethex_value {
        // SAFETY: everything is lent for the time of the call, `number` is writable.
        unsafe {
            assert_eq!((name.read(10), path.read(10)), (Ok("best"), Ok("a.b")));
            assert_eq!((base, cloud), (0, 0));
            let mut number = 0;
            assert_eq!(aethex_value_get_int(local, &mut number), 0);
            lend(Value::Int(number * 2)).unwrap()
        }
    }

    fn ask_in_background(board: &Arc<Questions>) -> std::thread::JoinHandle<Option<Value>> {
        let board = Arc::downgrade(board);
        let callback: MergeFunction = doubled;
        let function = Function { callback, user_data: UserData(std::ptr::null_mut()) };
        std::thread::spawn(move || {
            ask(&board, move || function.call("best", "a.b", [None, Some(Value::Int(21)), None]))
        })
    }

    #[test]
    fn a_question_is_answered_in_the_tick() {
        let board = Arc::new(Questions::default());
        let asked = ask_in_background(&board);
        while !asked.is_finished() {
            board.answer();
            std::thread::yield_now();
        }
        assert_eq!(asked.join().unwrap(), Some(Value::Int(42)));
    }

    #[test]
    fn a_question_ends_with_its_cloud() {
        let board = Arc::new(Questions::default());
        let asked = ask_in_background(&board);
        board.close();
        assert_eq!(asked.join().unwrap(), None);
        assert_eq!(ask_in_background(&board).join().unwrap(), None, "asked after the end");
        let gone = Arc::new(Questions::default());
        let board = Arc::downgrade(&gone);
        drop(gone);
        assert_eq!(ask(&board, || Some(Value::Null)), None);
    }

    #[test]
    fn deciders_have_their_numbers() {
        assert_eq!(decider(0, Decider::Ask), Ok(Decider::Ask));
        assert_eq!(decider(2, Decider::Ask), Ok(Decider::Playtime));
        assert_eq!(decider(6, Decider::Ask), Err(ErrorCode::InvalidArgument));
    }
}
