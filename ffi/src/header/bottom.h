
/** A C string as a text; null is the empty text. */
static inline aethex_str aethex_string(const char *text) {
    aethex_str result;
    result.data = text;
    result.len = text != NULL ? strlen(text) : 0;
    return result;
}
