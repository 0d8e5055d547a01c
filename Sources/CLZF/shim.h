// liblzf (Debian's liblzf-dev): the compression of strings in snapshot files.
//
// lzf_compress keeps up to 512 KiB of table on its caller's stack.
#ifndef NEEDLETAIL_CLZF_SHIM_H
#define NEEDLETAIL_CLZF_SHIM_H

#include <liblzf/lzf.h>

#endif
