// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ISettlement, ModelTerms, Status} from "contracts/interfaces/ISettlement.sol";
import {File, Files} from "./Files.sol";
import {VM} from "./Vm.sol";
import {Sale, Spec, Step} from "./Spec.sol";

/// @notice revealData: small data itself goes on chain, is hashed there, and is paid at once.
contract RevealDataTest is Spec {
    function lockedFile(uint256 totalBytes, uint32 chunkSize) internal returns (Sale memory) {
        ModelTerms memory terms = termsWith(0, false);
        terms.salt = bytes32(totalBytes * chunkSize);
        return lock(agree(opened(terms), "content", Files.unopenable(totalBytes, chunkSize)));
    }

    function dataCall(Sale memory sale, uint256 chunkSize, bytes memory plain, bytes32[] memory digests)
        internal
        view
        returns (bytes memory)
    {
        return abi.encodeCall(settlement.revealData, (sale.order, chunkSize, plain, digests));
    }

    function layoutInvalid(uint256 totalBytes, uint256 chunkSize) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(ISettlement.LayoutInvalid.selector, totalBytes, chunkSize);
    }

    function lengthMismatch(uint256 expected, uint256 actual) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(ISettlement.LengthMismatch.selector, expected, actual);
    }

    function notCommitted(Sale memory sale, bytes32 actual) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(ISettlement.CommitmentMismatch.selector, sale.order.dataRoot, actual);
    }

    function test_TheSellerIsPaidPriceAndBondAtOnceInEveryMoney() external {
        address[3] memory kinds = currencies();
        for (uint256 i = 0; i < kinds.length; i++) {
            ModelTerms memory terms = termsWith(BOND, true);
            terms.token = kinds[i];
            Sale memory sale = locked(terms);
            bytes memory call_ = revealDataCall(sale);
            uint256 before = held(kinds[i], seller);

            expectEvent();
            emit ISettlement.DataRevealed(sale.id);
            expectPaid(sale);
            perform(stranger, call_);

            equal(held(kinds[i], seller), before + PRICE + BOND);
            equal(held(kinds[i], address(settlement)), 1 ether - PRICE);
            equal(budgetOf(terms), 1 ether - PRICE);
            equal(settlement.creditOf(kinds[i], seller), 0);
            isIn(sale, Status.Paid);
        }
    }

    function test_DataOfAnyLengthInChunksOfAnySize() external {
        uint32[7] memory lengths = [uint32(17), 1023, 1024, 1041, 2047, 2048, 5 * 1024 + 17];
        for (uint256 i = 0; i < lengths.length; i++) {
            Sale memory sale = lockedFile(lengths[i], 1024);
            perform(stranger, revealDataCall(sale));
            isIn(sale, Status.Paid);
        }
        for (uint32 chunkSize = 2048; chunkSize <= 16_384; chunkSize *= 2) {
            perform(stranger, revealDataCall(lockedFile(chunkSize + 17, chunkSize)));
        }
    }

    function test_TheLastSecondOfTheRevealWindowIsInTimeAndTheNextIsLate() external {
        Sale memory sale = locked();
        VM.warp(START + REVEAL_WINDOW + 1);
        refuses(stranger, revealDataCall(sale), deadlinePassed(START + REVEAL_WINDOW));
        VM.warp(START + REVEAL_WINDOW);
        perform(stranger, revealDataCall(sale));
    }

    function test_EveryByteIsCommittedTo() external {
        Sale memory sale = lockedFile(2100, 1024);
        uint16[5] memory positions = [0, 16, 1023, 1024, 2099];
        for (uint256 i = 0; i < positions.length; i++) {
            File memory other = Files.unopenable(2100, 1024);
            other.plain[positions[i] / 1024][positions[i] % 1024] ^= 0x01;
            other = Files.commit(other.plain, other.chunks, 1024);
            bytes memory call_ = dataCall(sale, 1024, Files.plaintextOf(other), Files.sealedDigestsOf(sale.file));
            refuses(stranger, call_, notCommitted(sale, other.root));
        }
    }

    function test_EverySealedDigestIsCommittedTo() external {
        Sale memory sale = lockedFile(2100, 1024);
        for (uint256 i = 0; i < 3; i++) {
            File memory other = Files.unopenable(2100, 1024);
            other.chunks[i][1] ^= 0x01;
            other = Files.commit(other.plain, other.chunks, 1024);
            bytes memory call_ = dataCall(sale, 1024, Files.plaintextOf(sale.file), Files.sealedDigestsOf(other));
            refuses(stranger, call_, notCommitted(sale, other.root));
        }
    }

    function test_TheSameBytesInChunksOfAnotherSizeAreOtherData() external {
        Sale memory sale = lockedFile(2100, 1024);
        bytes memory plain = Files.plaintextOf(sale.file);
        bytes memory call_ = dataCall(sale, 2048, plain, new bytes32[](2));

        VM.prank(stranger);
        (bool success, bytes memory answer) = address(settlement).call(call_);

        assert(!success);
        equal(bytes32(bytes4(answer)), bytes32(ISettlement.CommitmentMismatch.selector));
    }

    function test_ThereIsOneSealedDigestForEveryChunk() external {
        Sale memory sale = lockedFile(2100, 1024);
        bytes memory plain = Files.plaintextOf(sale.file);
        refuses(stranger, dataCall(sale, 1024, plain, new bytes32[](0)), lengthMismatch(3, 0));
        refuses(stranger, dataCall(sale, 1024, plain, new bytes32[](2)), lengthMismatch(3, 2));
        refuses(stranger, dataCall(sale, 1024, plain, new bytes32[](4)), lengthMismatch(3, 4));
    }

    function test_LayoutsThatAreNotPermittedAreRefused() external {
        Sale memory sale = lockedFile(2100, 1024);
        bytes memory plain = Files.plaintextOf(sale.file);
        uint256[7] memory sizes = [uint256(0), 1, 512, 1025, 32_768, 2 ** 32 + 1024, type(uint256).max];
        for (uint256 i = 0; i < sizes.length; i++) {
            refuses(stranger, dataCall(sale, sizes[i], plain, new bytes32[](3)), layoutInvalid(2100, sizes[i]));
        }
        uint16[4] memory lengths = [0, 16, 1025, 1040];
        for (uint256 i = 0; i < lengths.length; i++) {
            bytes memory call_ = dataCall(sale, 1024, new bytes(lengths[i]), new bytes32[](1));
            refuses(stranger, call_, layoutInvalid(lengths[i], 1024));
        }
    }

    function test_AWrongLockDoesNotMatterWhereTheDataItselfIsShown() external {
        Sale memory sale = agree(opened());
        sale.order.keyHash = "no key opens this";
        perform(stranger, revealDataCall(lock(sale)));
        isIn(sale, Status.Paid);
    }
}
