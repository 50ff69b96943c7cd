// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice RFC 8439 ChaCha20 as its text reads, one 32-bit word at a time: slow, and written to be compared with.
library ReferenceChaCha20 {
    /// @notice XORs `input` with the keystream of `key`, nonce zero, from block `counter` on.
    function xor(bytes32 key, uint32 counter, bytes memory input) internal pure returns (bytes memory output) {
        output = new bytes(input.length);
        for (uint256 offset = 0; offset < input.length; offset += 64) {
            bytes memory stream = block_(key, counter);
            for (uint256 i = 0; i < 64 && offset + i < input.length; i++) {
                output[offset + i] = input[offset + i] ^ stream[i];
            }
            unchecked {
                counter++;
            }
        }
    }

    /// @notice One 64-byte block of keystream.
    function block_(bytes32 key, uint32 counter) internal pure returns (bytes memory stream) {
        uint32[16] memory initial;
        initial[0] = 0x61707865;
        initial[1] = 0x3320646e;
        initial[2] = 0x79622d32;
        initial[3] = 0x6b206574;
        for (uint256 i = 0; i < 8; i++) {
            initial[4 + i] = littleEndian(uint32(uint256(key) >> (224 - 32 * i)));
        }
        initial[12] = counter;
        uint32[16] memory s;
        for (uint256 i = 0; i < 16; i++) {
            s[i] = initial[i];
        }
        for (uint256 round = 0; round < 10; round++) {
            quarter(s, 0, 4, 8, 12);
            quarter(s, 1, 5, 9, 13);
            quarter(s, 2, 6, 10, 14);
            quarter(s, 3, 7, 11, 15);
            quarter(s, 0, 5, 10, 15);
            quarter(s, 1, 6, 11, 12);
            quarter(s, 2, 7, 8, 13);
            quarter(s, 3, 4, 9, 14);
        }
        unchecked {
            for (uint256 i = 0; i < 16; i++) {
                stream = bytes.concat(stream, bytes4(littleEndian(s[i] + initial[i])));
            }
        }
    }

    function quarter(uint32[16] memory s, uint256 a, uint256 b, uint256 c, uint256 d) private pure {
        unchecked {
            s[a] += s[b];
            s[d] = rotate(s[d] ^ s[a], 16);
            s[c] += s[d];
            s[b] = rotate(s[b] ^ s[c], 12);
            s[a] += s[b];
            s[d] = rotate(s[d] ^ s[a], 8);
            s[c] += s[d];
            s[b] = rotate(s[b] ^ s[c], 7);
        }
    }

    function rotate(uint32 x, uint256 n) private pure returns (uint32) {
        return (x << n) | (x >> (32 - n));
    }

    function littleEndian(uint32 x) private pure returns (uint32) {
        return (x >> 24) | ((x >> 8) & 0xff00) | ((x << 8) & 0xff0000) | (x << 24);
    }
}
