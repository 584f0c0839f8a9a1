/* The part of abuse.c that needs no cloud: values. */
#include "aethex_cloud.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int failures;

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            fprintf(stderr, "abuse_values.c:%d: %s\n", __LINE__, #condition); \
            failures++; \
        } \
    } while (0)
#define IS(call, code) \
    do { \
        aethex_error found_ = (call); \
        if (found_ != (code)) { \
            fprintf(stderr, "abuse_values.c:%d: %s is %s\n", __LINE__, #call, aethex_error_name(found_).data); \
            failures++; \
        } \
    } while (0)
#define BAD_HANDLE AETHEX_ERROR_INVALID_HANDLE
#define BAD_ARGUMENT AETHEX_ERROR_INVALID_ARGUMENT
#define S aethex_string

void values(void);
int value_failures(void);
int value_failures(void) { return failures; }

/* Writes a value with every type, reads it back by both forms, and compares bit by bit. */
static void round_trip(void) {
    static const int32_t fours[] = {1, -2, INT32_MAX, INT32_MIN};
    static const float floats[] = {0, -0.0f, 1.5f, -2.5f, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, INFINITY};
    static const struct {
        int32_t type;
        size_t count;
    } kinds[] = {
        {AETHEX_VALUE_VECTOR2, 2}, {AETHEX_VALUE_RECT2, 4}, {AETHEX_VALUE_VECTOR3, 3},
        {AETHEX_VALUE_TRANSFORM2D, 6}, {AETHEX_VALUE_VECTOR4, 4}, {AETHEX_VALUE_PLANE, 4},
        {AETHEX_VALUE_QUATERNION, 4}, {AETHEX_VALUE_AABB, 6}, {AETHEX_VALUE_BASIS, 9},
        {AETHEX_VALUE_TRANSFORM3D, 12}, {AETHEX_VALUE_PROJECTION, 16}, {AETHEX_VALUE_COLOR, 4},
        {AETHEX_VALUE_PACKED_FLOAT32_ARRAY, 7}, {AETHEX_VALUE_PACKED_VECTOR2_ARRAY, 8},
        {AETHEX_VALUE_PACKED_VECTOR3_ARRAY, 9}, {AETHEX_VALUE_PACKED_COLOR_ARRAY, 8},
        {AETHEX_VALUE_PACKED_VECTOR4_ARRAY, 12},
    };
    static const int64_t longs[] = {INT64_MIN, 0, INT64_MAX};
    static const double doubles[] = {0.1, -0.0, HUGE_VAL};
    const aethex_str words[] = {S("one"), S(""), S("dr\xc3\xa9i")};
    aethex_value save, item, again;
    size_t length = 0, count = 0;
    bool equal = false;
    IS(aethex_value_new_dictionary(&save), AETHEX_OK);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        float back[16];
        int32_t type = -1;
        char key[16];
        IS(aethex_value_new_floats(kinds[i].type, floats, kinds[i].count, &item), AETHEX_OK);
        IS(aethex_value_get_type(item, &type), AETHEX_OK);
        CHECK(type == kinds[i].type);
        IS(aethex_value_get_floats(item, back, 16, &count), AETHEX_OK);
        CHECK(count == kinds[i].count && memcmp(back, floats, count * sizeof(float)) == 0);
        IS(aethex_value_get_floats(item, back, count - 1, &count), AETHEX_ERROR_TOO_LARGE);
        snprintf(key, sizeof key, "f%d", (int)i);
        IS(aethex_value_set(save, S(key), item), AETHEX_OK);
        IS(aethex_value_free(item), BAD_HANDLE); /* it was taken */
    }
    IS(aethex_value_new_ints(AETHEX_VALUE_VECTOR4I, fours, 4, &item), AETHEX_OK);
    IS(aethex_value_set(save, S("v4i"), item), AETHEX_OK);
    IS(aethex_value_new_ints(AETHEX_VALUE_VECTOR3I, fours, 3, &item), AETHEX_OK);
    IS(aethex_value_set(save, S("v3i"), item), AETHEX_OK);
    IS(aethex_value_new_ints(AETHEX_VALUE_PACKED_INT32_ARRAY, fours, 4, &item), AETHEX_OK);
    IS(aethex_value_set(save, S("i32"), item), AETHEX_OK);
    IS(aethex_value_new_int64s(longs, 3, &item), AETHEX_OK);
    IS(aethex_value_set(save, S("i64"), item), AETHEX_OK);
    IS(aethex_value_new_doubles(doubles, 3, &item), AETHEX_OK);
    IS(aethex_value_set(save, S("f64"), item), AETHEX_OK);
    IS(aethex_value_new_strings(words, 3, &item), AETHEX_OK);
    IS(aethex_value_set(save, S("words"), item), AETHEX_OK);
    IS(aethex_value_new_bytes((const uint8_t *)"\0\1\377", 3, &item), AETHEX_OK);
    IS(aethex_value_set(save, S("bytes"), item), AETHEX_OK);
    IS(aethex_value_new_text(AETHEX_VALUE_STRING_NAME, S("name"), &item), AETHEX_OK);
    IS(aethex_value_set(save, S("name"), item), AETHEX_OK);
    IS(aethex_value_new_typed_array(AETHEX_VALUE_INT, &item), AETHEX_OK);
    IS(aethex_value_set(save, S("typed"), item), AETHEX_OK);
    IS(aethex_value_set_float(save, S("nan"), NAN), AETHEX_OK);
    IS(aethex_value_set_int(save, S("big"), INT64_MAX), AETHEX_OK);
    IS(aethex_value_set_bool(save, S("yes"), true), AETHEX_OK);
    IS(aethex_value_set_string(save, S("text"), S("\"quoted\"")), AETHEX_OK);

    IS(aethex_value_to_bytes(save, NULL, 0, &length), AETHEX_OK);
    uint8_t *bytes = malloc(length);
    IS(aethex_value_to_bytes(save, bytes, length, &length), AETHEX_OK);
    IS(aethex_value_from_bytes(bytes, length, &again), AETHEX_OK);
    IS(aethex_value_equal(save, again, &equal), AETHEX_OK);
    CHECK(equal);
    IS(aethex_value_free(again), AETHEX_OK);
    for (size_t cut = 0; cut < length; cut++) { /* torn */
        aethex_value none = 0;
        IS(aethex_value_from_bytes(bytes, cut, &none), AETHEX_ERROR_INVALID_SAVE);
        CHECK(none == 0);
    }
    for (size_t i = 0; i < length; i++) { /* damaged: a value or an error, never a crash */
        bytes[i] = (uint8_t)~bytes[i];
        if (aethex_value_from_bytes(bytes, length, &again) == AETHEX_OK) aethex_value_free(again);
        bytes[i] = (uint8_t)~bytes[i];
    }
    free(bytes);

    IS(aethex_value_to_json(save, NULL, 0, &length), AETHEX_OK);
    char *json = malloc(length + 1);
    IS(aethex_value_to_json(save, json, length, &length), AETHEX_ERROR_TOO_LARGE);
    IS(aethex_value_to_json(save, json, length + 1, &length), AETHEX_OK);
    CHECK(strlen(json) == length);
    IS(aethex_value_from_json(S(json), &again), AETHEX_OK);
    IS(aethex_value_equal(save, again, &equal), AETHEX_OK);
    CHECK(equal);
    free(json);
    IS(aethex_value_free(again), AETHEX_OK);
    IS(aethex_value_free(save), AETHEX_OK);
}

static void wrong_types(void) {
    aethex_value number, list, pairs, typed, part = 0;
    bool truth;
    int64_t whole;
    double real;
    float x, y, z;
    char text[4];
    size_t length, count;
    int32_t type;
    const float three[] = {1, 2, 3};
    IS(aethex_value_new_int(7, &number), AETHEX_OK);
    IS(aethex_value_new_array(&list), AETHEX_OK);
    IS(aethex_value_new_dictionary(&pairs), AETHEX_OK);
    IS(aethex_value_new_typed_array(AETHEX_VALUE_STRING, &typed), AETHEX_OK);
    IS(aethex_value_get_bool(number, &truth), BAD_ARGUMENT);
    IS(aethex_value_get_int(list, &whole), BAD_ARGUMENT);
    IS(aethex_value_get_float(number, &real), AETHEX_OK);
    CHECK(real == 7);
    IS(aethex_value_get_vector2(number, &x, &y), BAD_ARGUMENT);
    IS(aethex_value_get_vector3(number, &x, &y, &z), BAD_ARGUMENT);
    IS(aethex_value_copy_string(number, text, sizeof text, &length), BAD_ARGUMENT);
    IS(aethex_value_get_count(number, &count), BAD_ARGUMENT);
    IS(aethex_value_get_index(pairs, 0, &part), BAD_ARGUMENT);
    IS(aethex_value_get_index(list, 0, &part), AETHEX_ERROR_NOT_FOUND);
    IS(aethex_value_get_index(list, SIZE_MAX, &part), AETHEX_ERROR_NOT_FOUND);
    IS(aethex_value_get(list, S("k"), &part), BAD_ARGUMENT);
    IS(aethex_value_get(pairs, S("k"), &part), AETHEX_ERROR_NOT_FOUND);
    IS(aethex_value_get_pair(pairs, 0, &part, NULL), AETHEX_ERROR_NOT_FOUND);
    IS(aethex_value_remove_index(list, 0), AETHEX_ERROR_NOT_FOUND);
    IS(aethex_value_remove(pairs, S("k")), AETHEX_ERROR_NOT_FOUND);
    IS(aethex_value_set_int(list, S("k"), 1), BAD_ARGUMENT);
    IS(aethex_value_new_floats(AETHEX_VALUE_VECTOR2, three, 3, &part), BAD_ARGUMENT);
    IS(aethex_value_new_floats(AETHEX_VALUE_PACKED_VECTOR2_ARRAY, three, 3, &part), BAD_ARGUMENT);
    IS(aethex_value_new_floats(AETHEX_VALUE_INT, three, 3, &part), BAD_ARGUMENT);
    IS(aethex_value_new_floats(-1, three, 3, &part), BAD_ARGUMENT);
    IS(aethex_value_new_floats(AETHEX_VALUE_VECTOR3, NULL, 3, &part), BAD_ARGUMENT);
    IS(aethex_value_new_floats(AETHEX_VALUE_VECTOR3, three, SIZE_MAX, &part), AETHEX_ERROR_TOO_LARGE);
    IS(aethex_value_new_int64s(NULL, SIZE_MAX / 8 + 1, &part), AETHEX_ERROR_TOO_LARGE);
    IS(aethex_value_new_typed_array(1000, &part), BAD_ARGUMENT);
    IS(aethex_value_new_int(1, NULL), BAD_ARGUMENT);
    IS(aethex_value_get_type(number, NULL), BAD_ARGUMENT);
    IS(aethex_value_get_type(0, &type), BAD_HANDLE);
    CHECK(part == 0);
    IS(aethex_value_push(typed, number), BAD_ARGUMENT); /* no String: refused, but taken */
    IS(aethex_value_free(number), BAD_HANDLE);
    IS(aethex_value_push(list, list), BAD_ARGUMENT); /* into itself: refused, untaken */
    IS(aethex_value_set(pairs, S("me"), pairs), BAD_ARGUMENT);
    IS(aethex_value_set_key(pairs, pairs, pairs), BAD_ARGUMENT);
    IS(aethex_value_free(list), AETHEX_OK);
    IS(aethex_value_free(pairs), AETHEX_OK);
    IS(aethex_value_free(typed), AETHEX_OK);
}

static void parts_are_their_own(void) {
    aethex_value save, list, item, part, key;
    int64_t number = 0;
    size_t count = 0;
    IS(aethex_value_from_json(S("{\"list\":[1,[2,3]],\"n\":null}"), &save), AETHEX_OK);
    IS(aethex_value_get(save, S("list"), &list), AETHEX_OK);
    IS(aethex_value_get_index(list, 1, &part), AETHEX_OK);
    IS(aethex_value_free(save), AETHEX_OK); /* the parts live on */
    IS(aethex_value_new_int(4, &item), AETHEX_OK);
    IS(aethex_value_push(part, item), AETHEX_OK);
    IS(aethex_value_get_count(part, &count), AETHEX_OK);
    CHECK(count == 3);
    IS(aethex_value_get_index(list, 1, &item), AETHEX_OK);
    IS(aethex_value_get_count(item, &count), AETHEX_OK);
    CHECK(count == 2); /* unchanged */
    IS(aethex_value_free(item), AETHEX_OK);
    IS(aethex_value_set_index(list, 0, part), AETHEX_OK);
    IS(aethex_value_get_index(list, 0, &part), AETHEX_OK);
    IS(aethex_value_get_index(part, 2, &item), AETHEX_OK);
    IS(aethex_value_get_int(item, &number), AETHEX_OK);
    CHECK(number == 4);
    IS(aethex_value_free(item), AETHEX_OK);
    IS(aethex_value_free(part), AETHEX_OK);
    IS(aethex_value_free(list), AETHEX_OK);

    IS(aethex_value_new_dictionary(&save), AETHEX_OK);
    IS(aethex_value_new_int(5, &key), AETHEX_OK);
    IS(aethex_value_new_bool(true, &item), AETHEX_OK);
    IS(aethex_value_set_key(save, key, item), AETHEX_OK);
    IS(aethex_value_get_pair(save, 0, &key, &item), AETHEX_OK);
    IS(aethex_value_get_int(key, &number), AETHEX_OK);
    CHECK(number == 5);
    IS(aethex_value_get_key(save, key, &part), AETHEX_OK);
    IS(aethex_value_free(part), AETHEX_OK);
    IS(aethex_value_free(key), AETHEX_OK);
    IS(aethex_value_free(item), AETHEX_OK);
    IS(aethex_value_free(save), AETHEX_OK);
}

static void depth(void) {
    aethex_value inner, outer = 0;
    aethex_error error = AETHEX_OK;
    int levels = 1;
    IS(aethex_value_new_array(&inner), AETHEX_OK);
    while (error == AETHEX_OK && levels < 100000) {
        IS(aethex_value_new_array(&outer), AETHEX_OK);
        error = aethex_value_push(outer, inner);
        inner = outer;
        levels++;
    }
    CHECK(error == AETHEX_ERROR_TOO_LARGE);
    CHECK(levels > 100 && levels < 1000);
    IS(aethex_value_free(outer), AETHEX_OK);

    enum { DEEP = 200000 };
    char *json = malloc(2 * DEEP);
    memset(json, '[', DEEP);
    memset(json + DEEP, ']', DEEP);
    aethex_str text;
    text.data = json;
    text.len = 2 * DEEP;
    IS(aethex_value_from_json(text, &inner), AETHEX_ERROR_INVALID_SAVE);
    free(json);
    static const char *const wrong[] = {"", "{", "[1,]", "nul", "1e999x", "\"\\ud800\"", "{\"a\":1}}"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        IS(aethex_value_from_json(S(wrong[i]), &inner), AETHEX_ERROR_INVALID_SAVE);
}

void values(void) {
    round_trip();
    wrong_types();
    parts_are_their_own();
    depth();
}
