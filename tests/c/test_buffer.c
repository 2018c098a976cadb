/* buffer.c: its limit, and that no byte of it survives in freed memory.
 *
 * Linked with --wrap=free, so that a block can be looked at in the moment it is
 * freed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "buffer.h"

static const char secret[] = "canary-secret";

/* The block that is watched, its size, and how often it was seen dirty or
 * clean. */
static const char *watched;
static size_t watched_size;
static int freed_clean;
static int freed_dirty;

void
__real_free(void *block);
void
__wrap_free(void *block);

void
__wrap_free(void *block)
{
    if (block != NULL && block == watched) {
        int dirty = 0;
        for (size_t i = 0; i < watched_size; i++) {
            dirty |= watched[i];
        }
        freed_dirty += dirty != 0;
        freed_clean += dirty == 0;
        watched = NULL;
    }
    __real_free(block);
}

static void
watch(const gl_buffer *buffer)
{
    watched = buffer->data;
    watched_size = buffer->length; /* what lies behind was never written */
    freed_clean = 0;
    freed_dirty = 0;
}

static void
test_freed_bytes_are_wiped(void **state)
{
    (void)state;
    gl_buffer buffer;
    gl_error err = GL_ERROR_INIT;
    gl_buffer_init(&buffer, 1000);
    assert_int_equal(gl_buffer_append_string(&buffer, secret, &err), 0);
    watch(&buffer);
    gl_buffer_free(&buffer);
    assert_int_equal(freed_clean, 1);
    assert_int_equal(freed_dirty, 0);
    assert_null(buffer.data);
    assert_int_equal(buffer.length, 0);
    assert_int_equal(buffer.limit, 1000);
}

static void
test_growing_leaves_nothing_behind(void **state)
{
    (void)state;
    gl_buffer buffer;
    gl_error err = GL_ERROR_INIT;
    gl_buffer_init(&buffer, 100000);
    assert_int_equal(gl_buffer_append_string(&buffer, secret, &err), 0);
    watch(&buffer);
    for (int i = 0; watched != NULL && i < 1000; i++) {
        assert_int_equal(gl_buffer_append_string(&buffer, "x", &err), 0);
    }
    assert_int_equal(freed_clean, 1);
    assert_int_equal(freed_dirty, 0);
    assert_memory_equal(buffer.data, secret, sizeof secret - 1);
    gl_buffer_free(&buffer);
}

static void
test_truncated_bytes_are_wiped(void **state)
{
    (void)state;
    gl_buffer buffer;
    gl_error err = GL_ERROR_INIT;
    gl_buffer_init(&buffer, 1000);
    assert_int_equal(gl_buffer_append_string(&buffer, secret, &err), 0);
    gl_buffer_truncate(&buffer, 6);
    assert_int_equal(buffer.length, 6);
    for (size_t i = 6; i < sizeof secret; i++) {
        assert_int_equal(buffer.data[i], 0);
    }
    gl_buffer_free(&buffer);
    gl_buffer_truncate(&buffer, 0); /* of nothing */
}

static void
test_the_limit_is_kept(void **state)
{
    (void)state;
    gl_buffer buffer;
    gl_error err = GL_ERROR_INIT;
    gl_buffer_init(&buffer, 4);
    assert_int_equal(gl_buffer_append(&buffer, "abcd", 4, &err), 0);
    assert_int_equal(gl_buffer_append(&buffer, "", 0, &err), 0);
    assert_int_equal(gl_buffer_append(&buffer, "e", 1, &err), -1);
    assert_int_equal(err.kind, GL_ERROR_RESPONSE);
    assert_string_equal(buffer.data, "abcd");
    assert_int_equal(gl_buffer_append(&buffer, "", SIZE_MAX, &err), -1);
    gl_buffer_free(&buffer);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_freed_bytes_are_wiped),
        cmocka_unit_test(test_growing_leaves_nothing_behind),
        cmocka_unit_test(test_truncated_bytes_are_wiped),
        cmocka_unit_test(test_the_limit_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
