/* SPDX-License-Identifier: MPL-2.0 */
/* Catalogues heard. Thread: the owner's. */
#include "muster_shelf.h"

#include <stdlib.h>

static void s_drop(muster_shelf_book_t *book)
{
    proto_catalogue_free(&book->catalogue);
    proto_buf_free(&book->body);
}

void muster_shelf_free(muster_shelf_t *self)
{
    for (int i = 0; i < self->count; i++)
        s_drop(&self->books[i]);
    free(self->books);
    *self = (muster_shelf_t){0};
}

static muster_shelf_book_t *s_find(const muster_shelf_t *self, proto_bytes_t service)
{
    for (int i = 0; i < self->count; i++)
        if (proto_bytes_is(service, self->books[i].service))
            return &self->books[i];
    return NULL;
}

static muster_shelf_book_t *s_add(muster_shelf_t *self, proto_bytes_t service)
{
    if (self->count == MUSTER_SHELF_SERVICES)
        return NULL;
    muster_shelf_book_t *books = realloc(self->books, (size_t)(self->count + 1) * sizeof *books);
    PROTO_ASSERT(books != NULL);
    self->books = books;
    muster_shelf_book_t *book = &books[self->count++];
    *book = (muster_shelf_book_t){0};
    if (service.size)
        memcpy(book->service, service.data, service.size); /* at most 255 */
    return book;
}

static int s_compare(const void *a, const void *b)
{
    const proto_operation_t *left = a, *right = b;
    int by_name = strcmp(left->name, right->name);
    return by_name ? by_name : strcmp(left->service, right->service);
}

bool muster_shelf_learn(muster_shelf_t *self, const proto_record_t *publish)
{
    muster_shelf_book_t *book = s_find(self, publish->service);
    int64_t generation = proto_value_get_int(publish->body, "generation", 0);
    if (book && generation <= (int64_t)book->catalogue->generation)
        return false; /* each broker tells it */
    proto_catalogue_t *catalogue;
    if (proto_catalogue_decode(publish->body, &catalogue, NULL) < 0)
        return false;
    if (!book && !(book = s_add(self, publish->service))) {
        proto_catalogue_free(&catalogue);
        return false;
    }
    s_drop(book);
    qsort(catalogue->operations, catalogue->operation_count, sizeof *catalogue->operations, s_compare);
    book->catalogue = catalogue;
    proto_buf_append(&book->body, publish->body.data, publish->body.size);
    return true;
}

bool muster_shelf_reads(const muster_shelf_t *self, const char *service, const char *operation)
{
    proto_operation_t wanted = {.name = operation, .service = service};
    for (int i = 0; i < self->count; i++) {
        const proto_catalogue_t *catalogue = self->books[i].catalogue;
        const proto_operation_t *found = bsearch(&wanted, catalogue->operations, catalogue->operation_count,
                                                 sizeof *catalogue->operations, s_compare);
        if (found)
            return found->flags & PROTO_OP_READS;
    }
    return false;
}

/* Appends the items of a catalogue's operations; how many. */
static uint32_t s_operations(const muster_shelf_book_t *book, proto_buf_t *out)
{
    proto_bytes_t list;
    proto_value_t head;
    int rc = proto_value_get(proto_buf_bytes(&book->body), "operations", &list);
    proto_reader_t reader = proto_reader(list);
    PROTO_ASSERT(rc == 0 && proto_value_read(&reader, &head) == 0); /* it was decoded */
    proto_buf_append(out, reader.at, (size_t)(reader.end - reader.at));
    return head.count;
}

int muster_shelf_show(const muster_shelf_t *self, const char *service, proto_buf_t *out)
{
    if (service) {
        const muster_shelf_book_t *book = s_find(self, proto_bytes_of(service));
        if (book)
            proto_buf_append(out, book->body.data, book->body.size);
        return book ? 0 : -1;
    }
    if (self->count == 0)
        return -1;
    uint64_t generation = 0;
    for (int i = 0; i < self->count; i++)
        if (self->books[i].catalogue->generation > generation)
            generation = self->books[i].catalogue->generation;
    proto_write_map(out, 2);
    proto_write_text(out, "generation");
    proto_write_uint(out, generation);
    proto_write_text(out, "operations");
    size_t place = proto_write_array_open(out);
    uint32_t count = 0;
    for (int i = 0; i < self->count; i++)
        count += s_operations(&self->books[i], out);
    proto_write_close(out, place, count);
    return 0;
}
