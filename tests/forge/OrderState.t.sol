// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Status} from "contracts/interfaces/ISettlement.sol";
import {OrderState} from "contracts/libraries/OrderState.sol";
import {Harness} from "contracts/mocks/Harness.sol";
import {World} from "./World.sol";

/// @notice The storage slot of an order: `status << 248 | deadline << 208 | low 208 bits of the digest`.
contract OrderStateTest is World {
    uint256 internal constant STATUSES = 6;

    Harness internal harness;

    function setUp() public {
        harness = Harness(payable(create("Harness.sol:Harness")));
    }

    function test_ASlotByHand() external view {
        bytes32 digest = 0xa1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0;
        OrderState state = harness.packOrderState(Status.Revealed, 0x0102030405, digest);
        uint256 expected = 0x020102030405a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0;
        assert(OrderState.unwrap(state) == expected);
    }

    function test_AnEmptySlotIsNoOrder() external view {
        (Status status, uint256 deadline, uint256 digest) = harness.unpackOrderState(OrderState.wrap(0));
        assert(status == Status.None && deadline == 0 && digest == 0);
        assert(harness.hasStatus(OrderState.wrap(0), Status.None));
    }

    function testFuzz_WhatIsPackedIsRead(uint8 seed, uint40 deadline, bytes32 digest) external view {
        Status status = Status(seed % STATUSES);
        OrderState state = harness.packOrderState(status, deadline, digest);

        (Status readStatus, uint256 readDeadline, uint256 readDigest) = harness.unpackOrderState(state);
        assert(readStatus == status);
        assert(readDeadline == deadline);
        assert(readDigest == uint208(uint256(digest)));
    }

    function testFuzz_AStateHasItsStatusAndNoOther(uint8 seed, uint40 deadline, bytes32 digest) external view {
        OrderState state = harness.packOrderState(Status(seed % STATUSES), deadline, digest);
        for (uint256 status = 0; status < STATUSES; status++) {
            assert(harness.hasStatus(state, Status(status)) == (status == seed % STATUSES));
        }
    }

    function testFuzz_AStateMatchesADigestByItsLow208Bits(uint40 deadline, bytes32 digest, uint8 bit) external view {
        OrderState state = harness.packOrderState(Status.Locked, deadline, digest);
        assert(harness.matches(state, digest));
        assert(harness.matches(state, digest ^ bytes32(1 << bit)) == (bit >= 208));
    }
}
