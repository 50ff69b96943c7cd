/* Batches of SHA-256 (FIPS 180-4) by the SHA extensions of x86-64, two messages at a time: one message alone leaves half
 * of the unit idle, because every round waits for the one before it. twin.py is the specification of the functions.
 * No Python headers: native.py calls this library through ctypes, which releases the interpreter's lock meanwhile.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

#define ACCELERATED __attribute__((target("sha,sse4.1,ssse3")))
#define LANES 2

static const uint32_t K[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

typedef struct {
    __m128i abef[LANES], cdgh[LANES];
} state;

static const char LEAF_TAG[32] = "assay/leaf/v1";
static const char NODE_TAG[32] = "assay/node/v1";

ACCELERATED static inline void compress(state *s, const uint8_t *const messages[LANES], size_t blocks) {
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
    __m128i abef[LANES], cdgh[LANES], w[LANES][4];
    for (int lane = 0; lane < LANES; lane++) abef[lane] = s->abef[lane], cdgh[lane] = s->cdgh[lane];
    for (size_t block = 0; block < blocks; block++) {
        __m128i old_abef[LANES], old_cdgh[LANES];
        for (int lane = 0; lane < LANES; lane++) {
            old_abef[lane] = abef[lane], old_cdgh[lane] = cdgh[lane];
            const __m128i *words = (const __m128i *)(messages[lane] + 64 * block);
            for (int i = 0; i < 4; i++) w[lane][i] = _mm_shuffle_epi8(_mm_loadu_si128(words + i), big_endian);
        }
#pragma GCC unroll 16
        for (int group = 0; group < 16; group++) {
            const __m128i constants = _mm_load_si128((const __m128i *)(K + 4 * group));
#pragma GCC unroll 2
            for (int lane = 0; lane < LANES; lane++) {
                __m128i *now = &w[lane][group % 4];
                const __m128i next = w[lane][(group + 1) % 4], last = w[lane][(group + 3) % 4];
                const __m128i words = _mm_add_epi32(*now, constants);
                cdgh[lane] = _mm_sha256rnds2_epu32(cdgh[lane], abef[lane], words);
                abef[lane] = _mm_sha256rnds2_epu32(abef[lane], cdgh[lane], _mm_shuffle_epi32(words, 0x0e));
                if (group < 12) {
                    const __m128i seven_back = _mm_alignr_epi8(last, w[lane][(group + 2) % 4], 4);
                    *now = _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(*now, next), seven_back), last);
                }
            }
        }
        for (int lane = 0; lane < LANES; lane++) {
            abef[lane] = _mm_add_epi32(abef[lane], old_abef[lane]);
            cdgh[lane] = _mm_add_epi32(cdgh[lane], old_cdgh[lane]);
        }
    }
    for (int lane = 0; lane < LANES; lane++) s->abef[lane] = abef[lane], s->cdgh[lane] = cdgh[lane];
}

ACCELERATED static inline void begin(state *s) {
    for (int lane = 0; lane < LANES; lane++) {
        s->abef[lane] = _mm_set_epi32(0x6a09e667, (int)0xbb67ae85, 0x510e527f, (int)0x9b05688c);
        s->cdgh[lane] = _mm_set_epi32(0x3c6ef372, (int)0xa54ff53a, 0x1f83d9ab, 0x5be0cd19);
    }
}

ACCELERATED static inline void finish(const state *s, uint8_t *const digests[LANES]) {
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
    for (int lane = 0; lane < LANES; lane++) {
        /* From the lowest word on the registers hold f e b a and h g d c. */
        const __m128i efab = _mm_shuffle_epi32(s->abef[lane], 0xb1), ghcd = _mm_shuffle_epi32(s->cdgh[lane], 0xb1);
        const __m128i abcd = _mm_unpackhi_epi64(efab, ghcd), efgh = _mm_unpacklo_epi64(efab, ghcd);
        _mm_storeu_si128((__m128i *)digests[lane], _mm_shuffle_epi8(abcd, big_endian));
        _mm_storeu_si128((__m128i *)(digests[lane] + 16), _mm_shuffle_epi8(efgh, big_endian));
    }
}

static inline void put_number(uint8_t *place, uint64_t number) {
    number = __builtin_bswap64(number);
    memcpy(place, &number, 8);
}

/* Pads the last blocks of a message of `length` bytes, of which `tail` has the first `rest`; returns their number. */
static inline size_t pad(uint8_t *tail, size_t rest, uint64_t length) {
    const size_t blocks = (rest + 8) / 64 + 1;
    memset(tail + rest, 0, 64 * blocks - rest);
    tail[rest] = 0x80;
    put_number(tail + 64 * blocks - 8, 8 * length);
    return blocks;
}

/* SHA-256 of LANES messages of so many blocks, padded. */
ACCELERATED static inline void hash_padded(const uint8_t *const messages[LANES], size_t blocks, uint8_t *const digests[LANES]) {
    state s;
    begin(&s);
    compress(&s, messages, blocks);
    finish(&s, digests);
}

/* SHA-256 of LANES messages of `length` bytes each. */
ACCELERATED static void hash(const uint8_t *const messages[LANES], size_t length, uint8_t *const digests[LANES]) {
    const size_t whole = length / 64, rest = length % 64;
    uint8_t tails[LANES][128];
    const uint8_t *ends[LANES];
    size_t blocks = 0;
    for (int lane = 0; lane < LANES; lane++) {
        memcpy(tails[lane], messages[lane] + 64 * whole, rest);
        blocks = pad(tails[lane], rest, length);
        ends[lane] = tails[lane];
    }
    state s;
    begin(&s);
    compress(&s, messages, whole);
    compress(&s, ends, blocks);
    finish(&s, digests);
}

/* The number of this interface, which native.py knows, where the processor has the instructions; otherwise 0. */
int assay_available(void) {
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSSE3) || !(c & bit_SSE4_1)) return 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1) ? 2 : 0;
}

/* Digest of piece i of `data`, `size` bytes or what is left, to out + 64 i. */
void assay_fill_digests(const uint8_t *data, size_t length, size_t size, uint8_t *out) {
    for (size_t start = 0; start < length;) {
        const size_t left = length - start, here = left < size ? left : size;
        const int pair = left >= 2 * size;
        uint8_t ignored[32];
        const uint8_t *const messages[LANES] = {data + start, data + start + (pair ? size : 0)};
        uint8_t *const digests[LANES] = {out, pair ? out + 64 : ignored};
        hash(messages, here, digests);
        start += pair ? 2 * size : here;
        out += pair ? 128 : 64;
    }
}

/* Leaves of `count` chunks from `first` on, of `size` bytes, the last one of `last`. */
ACCELERATED void assay_leaves(
    uint64_t first, const uint8_t *entries, size_t count, uint64_t size, uint64_t last, uint8_t *out
) {
    uint8_t buffers[LANES][192] = {{0}}, ignored[32];
    for (int lane = 0; lane < LANES; lane++) memcpy(buffers[lane], LEAF_TAG, 32), pad(buffers[lane] + 128, 32, 160);
    for (size_t i = 0; i < count; i += LANES) {
        const uint8_t *const messages[LANES] = {buffers[0], buffers[1]};
        uint8_t *digests[LANES] = {ignored, ignored};
        for (size_t lane = 0; lane < LANES; lane++) {
            const size_t at = i + lane < count ? i + lane : i;
            put_number(buffers[lane] + 56, first + at);
            put_number(buffers[lane] + 88, at == count - 1 ? last : size);
            memcpy(buffers[lane] + 96, entries + 64 * at, 64);
            if (i + lane < count) digests[lane] = out + 32 * at;
        }
        hash_padded(messages, 3, digests);
    }
}

/* Nodes over a level of `count` nodes; an odd last one rises unchanged. */
ACCELERATED void assay_parents(const uint8_t *level, size_t count, uint8_t *out) {
    uint8_t buffers[LANES][128], ignored[32];
    const size_t pairs = count / 2;
    for (int lane = 0; lane < LANES; lane++) memcpy(buffers[lane], NODE_TAG, 32), pad(buffers[lane] + 64, 32, 96);
    for (size_t i = 0; i < pairs; i += LANES) {
        const uint8_t *const messages[LANES] = {buffers[0], buffers[1]};
        uint8_t *digests[LANES] = {ignored, ignored};
        for (size_t lane = 0; lane < LANES; lane++) {
            const size_t at = i + lane < pairs ? i + lane : i;
            memcpy(buffers[lane] + 32, level + 64 * at, 64);
            if (i + lane < pairs) digests[lane] = out + 32 * at;
        }
        hash_padded(messages, 2, digests);
    }
    if (count % 2) memmove(out + 32 * pairs, level + 64 * pairs, 32);
}

/* The top of the tree over a level of `count` nodes, to the level's first 32 bytes. A node is read before it is replaced. */
void assay_top(uint8_t *level, size_t count) {
    for (; count > 1; count = (count + 1) / 2) assay_parents(level, count, level);
}

/* The pieces of `data`, `size` bytes or what is left, one after the other without their first `skip` bytes. `out` may be
 * in `data`, or begin before it. */
void assay_join(const uint8_t *data, size_t length, size_t size, size_t skip, uint8_t *out) {
    for (size_t start = 0; start < length; start += size) {
        const size_t left = length - start, here = (left < size ? left : size) - skip;
        memmove(out, data + start + skip, here);
        out += here;
    }
}

#else
#error "x86-64 only: elsewhere twin.py serves"
#endif
