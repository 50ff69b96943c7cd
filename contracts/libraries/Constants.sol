// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/* WINDOWS */

/// @dev Shortest reveal or dispute window: below an hour, a censored block or a short outage decides a sale.
uint256 constant MIN_WINDOW = 1 hours;
/// @dev Longest reveal or dispute window: what is locked comes free within two of them.
uint256 constant MAX_WINDOW = 30 days;
/// @dev From a request to leave until an oracle's bond is free: the time in which equivocation can be reported.
uint256 constant BOND_EXIT_DELAY = 7 days;

/* BOUNDS */

/// @dev Most calls in one batch.
uint256 constant MAX_BATCH = 64;
/// @dev Gas given to a push payment; a payee that needs more is credited.
uint256 constant PUSH_GAS = 100_000;
/// @dev Gas that must be left before a push: `PUSH_GAS` with the call's own cost and EIP-150's 64th part on top.
uint256 constant PUSH_RESERVE = 120_000;

/* SEALED DATA */

bytes32 constant KEY_TAG = "assay/key/v1";
uint256 constant SALT_BYTES = 16;
uint256 constant MIN_CHUNK_BYTES = 1024;
uint256 constant MAX_CHUNK_BYTES = 16_384;
/// @dev 2^32 ChaCha20 blocks of 64 bytes: as far as the 32-bit block counter of RFC 8439 goes.
uint256 constant MAX_TOTAL_BYTES = 2 ** 38;

/* STAND-INS */

address constant NATIVE_TOKEN = address(0);
/// @dev Stands for "no oracle" in a registered model's slot, which is thus never zero. Nobody can sign as it.
address constant HALTED = address(1);
