// What jemalloc reads before `main`. (MALLOC_CONF in the environment goes further, for whoever measures.)
//
// A run of small blocks, a slab, costs the allocator 128 bytes of its own beside them: 1 byte a block where a page of
// 4 KiB holds 128 of 32 bytes. So the classes of elements get slabs of 512 blocks, the most it allows. Their pages
// become resident one by one as they are used, and no slab of several hundred blocks, or of a hundred, ever gets empty
// by random deletion.
const char *malloc_conf =
    "slab_sizes:16-16:2|32-32:4|48-48:6|64-64:8|80-80:10|96-96:12|112-112:14|128-128:16";
