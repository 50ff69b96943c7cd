// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/* WINDOWS */

/// @dev Shortest reveal or dispute window. Within less, a few censored blocks or a short outage could decide a sale.
uint256 constant MIN_WINDOW = 1 hours;
/// @dev Longest reveal or dispute window. An order can be closed after two of them at the latest.
uint256 constant MAX_WINDOW = 30 days;
/// @dev Delay between the request for an oracle bond's exit and its unlocking, in which equivocation can be reported.
uint256 constant BOND_EXIT_DELAY = 7 days;

/* BOUNDS */

/// @dev Most calls in one batch.
uint256 constant MAX_BATCH = 64;
/// @dev Gas of a push payment; a seller that needs more is credited.
uint256 constant PUSH_GAS = 100_000;
/// @dev Gas that must be left before a push: `PUSH_GAS`, the cost of the call, and the 64th part that EIP-150
/// withholds.
uint256 constant PUSH_RESERVE = 120_000;

/* SEALED DATA */

bytes32 constant KEY_TAG = "assay/key/v1";
uint256 constant SALT_BYTES = 16;
uint256 constant MIN_CHUNK_BYTES = 1024;
uint256 constant MAX_CHUNK_BYTES = 16_384;
/// @dev 2^32 ChaCha20 blocks of 64 bytes: the range of the 32-bit block counter of RFC 8439.
uint256 constant MAX_TOTAL_BYTES = 2 ** 38;

/* RESERVED ADDRESSES */

address constant NATIVE_TOKEN = address(0);
/// @dev "No oracle" in the slot of a registered model, which is never zero. No key and no code can sign for it.
address constant HALTED = address(1);
