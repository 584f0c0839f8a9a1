//! Strings, buffers and out-pointers: everything that reads or writes the caller's memory.
//!
//! What can be checked is checked before it is touched: null, alignment, lengths above a named limit or
//! above what any object can have, UTF-8. What cannot be checked is a pointer to memory that is not the
//! caller's, or a length beyond it: keeping to that is the caller's part of the contract.

use aethex_wire::ErrorCode;
use std::ffi::c_char;

/// Longest text of an option, email, name, slot or label, in bytes: far above each field's own limit,
/// which is checked later and answered in words.
pub(crate) const TEXT_LEN_MAX: usize = 64 * 1024;

/// A text: UTF-8 and its length in bytes.
///
/// Passed to the library: `data` may be null when `len` is 0; no NUL is needed; the text is copied before
/// the call returns. Handed out by the library: a NUL follows the last byte, so `data` also works as a C
/// string when the text itself holds no NUL.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct aethex_str {
    /// The first byte.
    pub data: *const c_char,
    /// Bytes, without the NUL.
    pub len: usize,
}

impl aethex_str {
    /// No text.
    pub(crate) const EMPTY: aethex_str = aethex_str { data: c"".as_ptr(), len: 0 };

    /// The text, checked.
    ///
    /// # Safety
    /// `data` is null or points to `len` readable bytes for as long as the result is used.
    pub(crate) unsafe fn read<'a>(self, len_max: usize) -> Result<&'a str, ErrorCode> {
        // SAFETY: the caller's promise, passed on.
        let bytes = unsafe { slice(self.data.cast::<u8>(), self.len, len_max) }?;
        std::str::from_utf8(bytes).map_err(|_| ErrorCode::InvalidArgument)
    }

    /// The text as an owned string of at most [`TEXT_LEN_MAX`] bytes.
    ///
    /// # Safety
    /// As [`aethex_str::read`].
    pub(crate) unsafe fn owned(self) -> Result<String, ErrorCode> {
        // SAFETY: the caller's promise, passed on.
        unsafe { self.read(TEXT_LEN_MAX) }.map(str::to_owned)
    }

    /// The text, or nothing when it is empty.
    ///
    /// # Safety
    /// As [`aethex_str::read`].
    pub(crate) unsafe fn set(self) -> Result<Option<String>, ErrorCode> {
        // SAFETY: the caller's promise, passed on.
        Ok(Some(unsafe { self.owned() }?).filter(|text| !text.is_empty()))
    }

    /// The text, which must not be empty.
    ///
    /// # Safety
    /// As [`aethex_str::read`].
    pub(crate) unsafe fn needed(self) -> Result<String, ErrorCode> {
        // SAFETY: the caller's promise, passed on.
        unsafe { self.set() }?.ok_or(ErrorCode::InvalidArgument)
    }

    /// The id that the text is.
    ///
    /// # Safety
    /// As [`aethex_str::read`].
    pub(crate) unsafe fn id<T>(self, parse: fn(&str) -> Option<T>) -> Result<T, ErrorCode> {
        // SAFETY: the caller's promise, passed on.
        parse(unsafe { self.read(TEXT_LEN_MAX) }?).ok_or(ErrorCode::InvalidArgument)
    }
}

/// A yes or no among options: 1 or 0. A `bool` of C could hold other bits.
pub(crate) fn flag(number: u32) -> Result<bool, ErrorCode> {
    match number {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(ErrorCode::InvalidArgument),
    }
}

/// A text that the library owns and lends to C: UTF-8 with a NUL behind it.
#[derive(Debug)]
pub(crate) struct Text(Box<[u8]>);

impl Text {
    pub(crate) fn new(text: &str) -> Text {
        let mut bytes = Vec::with_capacity(text.len() + 1);
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(0);
        Text(bytes.into_boxed_slice())
    }

    /// The text as C sees it, valid as long as `self`.
    pub(crate) fn as_c(&self) -> aethex_str {
        aethex_str { data: self.0.as_ptr().cast(), len: self.0.len() - 1 }
    }
}

impl std::fmt::Display for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0[..self.0.len() - 1]))
    }
}

/// The caller's array, checked: null only when empty, aligned, no longer than `count_max`.
///
/// # Safety
/// `data` is null or points to `count` readable elements for as long as the result is used.
pub(crate) unsafe fn slice<'a, T>(
    data: *const T,
    count: usize,
    count_max: usize,
) -> Result<&'a [T], ErrorCode> {
    if count > count_max
        || count.checked_mul(size_of::<T>()).is_none_or(|bytes| isize::try_from(bytes).is_err())
    {
        return Err(ErrorCode::TooLarge);
    }
    if count == 0 {
        return Ok(&[]);
    }
    if data.is_null() || !data.is_aligned() {
        return Err(ErrorCode::InvalidArgument);
    }
    // SAFETY: not null, aligned, at most isize::MAX bytes; the caller vouches for the memory.
    Ok(unsafe { std::slice::from_raw_parts(data, count) })
}

/// Writes a result where the caller wants it.
///
/// # Safety
/// `place` is null or points to writable memory for a `T`.
pub(crate) unsafe fn put<T>(place: *mut T, result: T) -> Result<(), ErrorCode> {
    writable(place)?;
    // SAFETY: not null and aligned; the caller vouches for the memory.
    unsafe { place.write(result) };
    Ok(())
}

/// Whether a result can be written there: to be asked before a call has effects.
pub(crate) fn writable<T>(place: *mut T) -> Result<(), ErrorCode> {
    if place.is_null() || !place.is_aligned() { Err(ErrorCode::InvalidArgument) } else { Ok(()) }
}

/// Copies elements into the caller's array and always says how many there are.
///
/// A null array with room for 0 only asks. With too little room nothing is copied: `TooLarge`.
///
/// # Safety
/// `out` is null or points to `capacity` writable elements, `count` is null or writable.
pub(crate) unsafe fn copy_out<T: Copy>(
    source: &[T],
    out: *mut T,
    capacity: usize,
    count: *mut usize,
) -> Result<(), ErrorCode> {
    // SAFETY: the caller's promise, passed on.
    unsafe { put(count, source.len()) }?;
    if out.is_null() && capacity == 0 {
        return Ok(());
    }
    writable(out)?;
    if capacity < source.len() {
        return Err(ErrorCode::TooLarge);
    }
    // SAFETY: `out` is aligned and has room for `source.len()` elements; the library's memory and the
    // caller's do not overlap.
    unsafe { std::ptr::copy_nonoverlapping(source.as_ptr(), out, source.len()) };
    Ok(())
}

/// Copies a text into the caller's buffer, with a NUL behind it, and always says its length without NUL.
///
/// A null buffer with room for 0 only asks. The buffer needs the length and one byte more: `TooLarge`.
///
/// # Safety
/// As [`copy_out`].
pub(crate) unsafe fn copy_text(
    text: &str,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> Result<(), ErrorCode> {
    // SAFETY: the caller's promise, passed on.
    unsafe { put(length, text.len()) }?;
    if buffer.is_null() {
        return if capacity == 0 { Ok(()) } else { Err(ErrorCode::InvalidArgument) };
    }
    if capacity <= text.len() {
        return Err(ErrorCode::TooLarge);
    }
    // SAFETY: the buffer has room for the text and the NUL, and is not the library's memory.
    unsafe {
        std::ptr::copy_nonoverlapping(text.as_ptr(), buffer.cast(), text.len());
        buffer.add(text.len()).write(0);
    }
    Ok(())
}

/// Largest options struct of any version: bounds what is read on the word of `struct_size`.
const OPTIONS_SIZE_MAX: usize = 4096;

/// Reads an options struct that may be older (shorter) or newer (longer) than the library's.
///
/// Fields an older caller does not have are zero, which every field reads as "default". A newer caller's
/// additional fields must be zero: the library would otherwise ignore what the caller asked for.
///
/// # Safety
/// `options` points to as many readable bytes as its first four, `struct_size`, say. `T` is valid for any
/// bytes (integers and pointers only).
pub(crate) unsafe fn read_options<T>(options: *const T, size_min: usize) -> Result<T, ErrorCode> {
    if options.is_null() || !options.is_aligned() {
        return Err(ErrorCode::InvalidArgument);
    }
    // SAFETY: every options struct begins with its size, and the caller vouches for it.
    let size = unsafe { options.cast::<u32>().read() } as usize;
    if size < size_min || size > OPTIONS_SIZE_MAX {
        return Err(ErrorCode::InvalidArgument);
    }
    // SAFETY: the caller vouches for `size` bytes.
    let bytes = unsafe { std::slice::from_raw_parts(options.cast::<u8>(), size) };
    if bytes.iter().skip(size_of::<T>()).any(|byte| *byte != 0) {
        return Err(ErrorCode::InvalidArgument);
    }
    let mut known = std::mem::MaybeUninit::<T>::zeroed();
    // SAFETY: at most `size_of::<T>()` bytes go into `known`, and `T` is valid for any bytes.
    unsafe {
        std::ptr::copy_nonoverlapping(
            bytes.as_ptr(),
            known.as_mut_ptr().cast::<u8>(),
            size.min(size_of::<T>()),
        );
        Ok(known.assume_init())
    }
}

/// Writes a struct of which the caller may know a shorter or longer version, as its `struct_size` says.
/// The caller's `struct_size` becomes the library's.
///
/// # Safety
/// `place` is null or points to as many writable bytes as its first four, `struct_size`, say. `T` begins
/// with its own size.
pub(crate) unsafe fn put_sized<T>(place: *mut T, size_min: usize, result: T) -> Result<(), ErrorCode> {
    writable(place)?;
    // SAFETY: every such struct begins with its size, and the caller vouches for it.
    let size = unsafe { place.cast::<u32>().read() } as usize;
    if size < size_min || size > OPTIONS_SIZE_MAX {
        return Err(ErrorCode::InvalidArgument);
    }
    // SAFETY: both are at least that long, and the library's memory is not the caller's.
    unsafe {
        let bytes = std::ptr::from_ref(&result).cast::<u8>();
        std::ptr::copy_nonoverlapping(bytes, place.cast::<u8>(), size.min(size_of::<T>()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn c(text: &str) -> aethex_str {
        aethex_str { data: text.as_ptr().cast(), len: text.len() }
    }

    #[test]
    fn texts_are_checked_before_they_are_read() {
        let null = |len| aethex_str { data: std::ptr::null(), len };
        let bad = aethex_str { data: c"\xff\xfe".as_ptr(), len: 2 };
        // SAFETY: each text is a literal or null.
        unsafe {
            assert_eq!(c("añb").read(10), Ok("añb"));
            assert_eq!(c("a\0b").read(10), Ok("a\0b"));
            assert_eq!(null(0).read(10), Ok(""));
            assert_eq!(null(1).read(10), Err(ErrorCode::InvalidArgument));
            assert_eq!(null(11).read(10), Err(ErrorCode::TooLarge));
            assert_eq!(null(usize::MAX).read(usize::MAX), Err(ErrorCode::TooLarge));
            assert_eq!(bad.read(10), Err(ErrorCode::InvalidArgument));
        }
    }

    #[test]
    fn copies_ask_first_and_never_overrun() {
        let mut length = 0;
        let mut buffer = [1 as c_char; 4];
        // SAFETY: the buffer is as long as each call says.
        unsafe {
            assert_eq!(copy_text("abc", std::ptr::null_mut(), 0, &mut length), Ok(()));
            assert_eq!(length, 3);
            assert_eq!(copy_text("abc", buffer.as_mut_ptr(), 3, &mut length), Err(ErrorCode::TooLarge));
            assert_eq!(buffer, [1; 4]);
            assert_eq!(copy_text("abc", buffer.as_mut_ptr(), 4, &mut length), Ok(()));
            assert_eq!(buffer, [97, 98, 99, 0]);
            let wrong = copy_text("abc", buffer.as_mut_ptr(), 4, std::ptr::null_mut());
            assert_eq!(wrong, Err(ErrorCode::InvalidArgument));
        }
    }

    #[repr(C)]
    #[derive(Debug, Default, PartialEq)]
    struct Options {
        struct_size: u32,
        old: u32,
        new: u64,
    }

    #[test]
    fn older_and_newer_options_are_understood() {
        #[repr(C)]
        struct Newer {
            known: Options,
            newest: u64,
        }
        let read = |options: &Options| {
            // SAFETY: `struct_size` never exceeds the object below.
            unsafe { read_options(std::ptr::from_ref(options), 8) }
        };
        let older = read(&Options { struct_size: 8, old: 5, new: 6 });
        assert_eq!(older, Ok(Options { struct_size: 8, old: 5, new: 0 }));
        for size in [0, 7, 4097, u32::MAX] {
            assert!(read(&Options { struct_size: size, ..Options::default() }).is_err(), "{size}");
        }
        let mut newer = Newer { known: Options { struct_size: 24, old: 1, new: 2 }, newest: 0 };
        let read_newer = |newer: &Newer| {
            // SAFETY: the object is 24 bytes long.
            unsafe { read_options(std::ptr::from_ref(newer).cast::<Options>(), 8) }
        };
        assert_eq!(read_newer(&newer).map(|options| options.new), Ok(2));
        newer.newest = 1;
        assert_eq!(read_newer(&newer), Err(ErrorCode::InvalidArgument));
    }
}
