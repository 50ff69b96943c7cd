// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ChunkProof, ISettlement, ModelTerms, Status} from "contracts/interfaces/ISettlement.sol";
import {File, Files} from "./Files.sol";
import {ReferenceChaCha20} from "./ReferenceChaCha20.sol";
import {VM} from "./Vm.sol";
import {Sale, Spec, Step} from "./Spec.sol";

/// @notice dispute: one committed chunk that the revealed key does not open returns the payment.
contract DisputeTest is Spec {
    bytes32 internal constant KEY = "key";

    /// @notice A sale of `file` whose key was just revealed.
    function revealedFile(File memory file) internal returns (Sale memory) {
        return reveal(lock(agree(opened(), "content", file)));
    }

    /// @notice Four chunks that no key opens.
    function unopenable() internal pure returns (File memory) {
        return Files.unopenable(3 * 1024 + 64, 1024);
    }

    /// @notice Chunks of `chunkSize` but for the last one of `lastBytes`, of which those from `first` on are really
    /// sealed: the reference cipher is slow.
    function sealedFile(uint256 count, uint32 chunkSize, uint256 lastBytes, uint256 first)
        internal
        pure
        returns (File memory file)
    {
        file = Files.unopenable((count - 1) * chunkSize + lastBytes, chunkSize);
        for (uint256 i = first; i < count; i++) {
            file.chunks[i] = ReferenceChaCha20.xor(KEY, uint32(i * chunkSize / 64), file.plain[i]);
        }
        return Files.commit(file.plain, file.chunks, chunkSize);
    }

    function disputes(Sale memory sale, ChunkProof memory proof) internal {
        bytes memory call_ = disputeCall(sale, proof);
        expectEvent();
        emit ISettlement.OrderDisputed(sale.id, proof.index);
        perform(stranger, call_);
        isIn(sale, Status.Disputed);
    }

    function matches(Sale memory sale, uint256 index) internal {
        refuses(stranger, disputeCall(sale, index), abi.encodeWithSelector(ISettlement.ChunkMatches.selector, index));
    }

    function notCommitted(Sale memory sale, ChunkProof memory proof) internal {
        VM.prank(stranger);
        (bool success, bytes memory answer) = address(settlement).call(disputeCall(sale, proof));
        assert(!success);
        equal(bytes32(bytes4(answer)), bytes32(ISettlement.CommitmentMismatch.selector));
        bytes32 expected;
        assembly ("memory-safe") {
            expected := mload(add(answer, 0x24))
        }
        equal(expected, sale.order.dataRoot);
    }

    // --- what it does ---

    function test_PriceAndBondGoToTheModelsBudgetInEveryMoney() external {
        address[3] memory kinds = currencies();
        for (uint256 i = 0; i < kinds.length; i++) {
            ModelTerms memory terms = termsWith(BOND, i == 2);
            terms.token = kinds[i];
            Sale memory sale = revealed(terms);
            uint256 senders = held(kinds[i], stranger);

            disputes(sale, Files.proofOf(sale.file, 0));

            equal(budgetOf(terms), 1 ether + BOND);
            equal(held(kinds[i], address(settlement)), 1 ether + BOND);
            equal(held(kinds[i], stranger), senders);
            equal(settlement.creditOf(kinds[i], buyer), 0);
        }
    }

    function test_AnyChunkThatTheKeyDoesNotOpenWillDo() external {
        ModelTerms memory terms = opened();
        for (uint256 i = 0; i < 4; i++) {
            Sale memory sale = reveal(lock(agree(terms, bytes32(i), unopenable())));
            disputes(sale, Files.proofOf(sale.file, i));
        }
    }

    function test_ABudgetThatIsFullSendsPriceAndBondToTheOwnersCredit() external {
        Sale memory sale = revealed(termsWith(BOND, false));
        fillBudget(sale.terms);
        bytes memory call_ = disputeCall(sale, 0);

        expectCredited(NATIVE, buyer, PRICE + BOND);
        perform(stranger, call_);

        equal(budgetOf(sale.terms), MAX_BUDGET);
        equal(settlement.creditOf(NATIVE, buyer), PRICE + BOND);
        isIn(sale, Status.Disputed);
    }

    // --- what the key opens is never disputed ---

    function test_AnHonestSellerIsNeverDisputedWhateverTheLastChunksLength() external {
        uint16[5] memory lengths = [uint16(17), 64, 65, 128, 129];
        for (uint256 i = 0; i < lengths.length; i++) {
            ModelTerms memory terms = termsWith(0, false);
            terms.salt = bytes32(i);
            Sale memory sale = reveal(lock(agree(opened(terms), "content", sealedFile(3, 1024, lengths[i], 2))));
            matches(sale, 2);
        }
    }

    function test_OneFlippedBitInOneChunkIsEnough() external {
        File memory file = sealedFile(3, 1024, 40, 0);
        file.chunks[1][1023] ^= 0x01;
        Sale memory sale = revealedFile(Files.commit(file.plain, file.chunks, 1024));

        matches(sale, 0);
        matches(sale, 2);
        disputes(sale, Files.proofOf(sale.file, 1));
    }

    function test_TheKeyStreamGoesOnFromChunkToChunkOfEverySize() external {
        for (uint32 chunkSize = 2048; chunkSize <= 16_384; chunkSize *= 2) {
            ModelTerms memory terms = termsWith(0, false);
            terms.salt = bytes32(uint256(chunkSize));
            File memory file = sealedFile(2, chunkSize, 40, 1);
            Sale memory sale = reveal(lock(agree(opened(terms), "content", file)));
            matches(sale, 1);
            disputes(sale, Files.proofOf(sale.file, 0));
        }
    }

    /// @notice 256 GiB: 28 levels, and the last blocks of the cipher's counter.
    function test_TheLastChunkOfTheLargestFileIsLikeAnyOther() external {
        uint64 totalBytes = 2 ** 38;
        uint32 last = 2 ** 28 - 1;
        bytes memory plain = new bytes(1024);
        bytes memory chunk = ReferenceChaCha20.xor(KEY, type(uint32).max - 15, plain);
        bytes32[] memory path = new bytes32[](28);
        bytes32 top = sha256(abi.encode(Files.LEAF_TAG, last, 1024, sha256(plain), sha256(chunk)));
        for (uint256 i = 0; i < path.length; i++) {
            path[i] = bytes32(i);
            top = sha256(abi.encode(Files.NODE_TAG, path[i], top));
        }
        Sale memory sale = agree(opened());
        sale.quote.dataRoot = Files.rootOf(totalBytes, 1024, top);
        relock(sale);
        reveal(lock(sale));

        refuses(
            stranger,
            disputeCall(sale, ChunkProof(totalBytes, 1024, last, sha256(plain), chunk, path)),
            abi.encodeWithSelector(ISettlement.ChunkMatches.selector, last)
        );
    }

    // --- when ---

    function test_TheLastSecondOfTheDisputeWindowIsInTimeAndTheNextIsLate() external {
        Sale memory sale = revealed();
        VM.warp(START + DISPUTE_WINDOW + 1);
        refuses(buyer, disputeCall(sale, 0), deadlinePassed(START + DISPUTE_WINDOW));
        VM.warp(START + DISPUTE_WINDOW);
        disputes(sale, Files.proofOf(sale.file, 0));
    }

    /// @dev A hash that fails for want of gas would be no hash of the chunk. The cipher alone takes more than is tried.
    function test_ADisputeThatRunsOutOfGasChangesNothing() external {
        Sale memory sale = revealedFile(Files.unopenable(16_384, 16_384));
        bytes memory call_ = disputeCall(sale, 0);
        for (uint256 gas_ = 1000; gas_ < 200_000; gas_ += 1000) {
            VM.prank(stranger);
            (bool success,) = address(settlement).call{gas: gas_}(call_);
            assert(!success);
        }
        isIn(sale, Status.Revealed);
    }

    // --- what is no proof ---

    function test_AKeyThatWasNotRevealedMakesNoChunkBad() external {
        Sale memory sale = revealedFile(sealedFile(1, 1024, 40, 0));
        sale.key = "another key";
        refuses(stranger, disputeCall(sale, 0), abi.encodeWithSelector(ISettlement.KeyMismatch.selector, sale.id));
    }

    function test_EveryPartOfAProofIsCommittedTo() external {
        Sale memory sale = revealedFile(unopenable());
        ChunkProof memory foreign = Files.proofOf(sale.file, 2);
        for (uint256 part = 0; part < 8; part++) {
            ChunkProof memory proof = Files.proofOf(sale.file, 0);
            if (part == 0) proof.index = 1;
            if (part == 1) proof.index = 2;
            if (part == 2) proof.plainDigest = foreign.plainDigest;
            if (part == 3) proof.sealedChunk = foreign.sealedChunk;
            if (part == 4) proof.path = foreign.path;
            if (part == 5) (proof.path[0], proof.path[1]) = (proof.path[1], proof.path[0]);
            if (part == 6) proof.totalBytes++;
            if (part == 7) proof = Files.proofOf(Files.unopenable(3 * 1024 + 65, 1024), 0);
            notCommitted(sale, proof);
        }
        disputes(sale, Files.proofOf(sale.file, 0));
    }

    function test_AnotherChunkSizeIsAnotherLayout() external {
        Sale memory sale = revealedFile(Files.unopenable(2048 + 64, 1024));
        ChunkProof memory proof = Files.proofOf(sale.file, 2);
        (proof.chunkSize, proof.index) = (2048, 1);
        notCommitted(sale, proof);
    }

    function test_APathIsAsLongAsThePlaceRequires() external {
        Sale memory sale = revealedFile(Files.unopenable(4 * 1024 + 64, 1024));
        ChunkProof memory proof = Files.proofOf(sale.file, 0);
        uint8[5] memory lengths = [0, 1, 2, 4, 40];
        for (uint256 i = 0; i < lengths.length; i++) {
            proof.path = new bytes32[](lengths[i]);
            uint256 needed = lengths[i] < 3 ? lengths[i] + 1 : 3;
            refuses(
                stranger,
                disputeCall(sale, proof),
                abi.encodeWithSelector(ISettlement.ProofLengthMismatch.selector, needed, lengths[i])
            );
        }
        // The last chunk stands alone on two levels: its path skips them.
        proof = Files.proofOf(sale.file, 4);
        equal(proof.path.length, 1);
        disputes(sale, proof);
    }

    function test_AnIndexBehindTheLastChunkIsRefused() external {
        Sale memory sale = revealedFile(unopenable());
        uint256[4] memory indexes = [uint256(4), 5, 2 ** 246, type(uint256).max];
        for (uint256 i = 0; i < indexes.length; i++) {
            ChunkProof memory proof = Files.proofOf(sale.file, 3);
            proof.index = indexes[i];
            refuses(
                stranger,
                disputeCall(sale, proof),
                abi.encodeWithSelector(ISettlement.ChunkIndexOutOfBounds.selector, indexes[i], 4)
            );
        }
    }

    function test_AChunkIsAsLongAsItsPlaceRequires() external {
        Sale memory sale = revealedFile(unopenable());
        uint16[6] memory lengths = [0, 63, 65, 1023, 1025, 1024];
        for (uint256 i = 0; i < lengths.length; i++) {
            ChunkProof memory proof = Files.proofOf(sale.file, i < 3 || i == 5 ? 3 : 0);
            proof.sealedChunk = new bytes(lengths[i]);
            refuses(
                stranger,
                disputeCall(sale, proof),
                abi.encodeWithSelector(
                    ISettlement.ChunkLengthMismatch.selector, proof.index == 3 ? 64 : 1024, lengths[i]
                )
            );
        }
    }

    function test_LayoutsThatAreNotPermittedAreRefused() external {
        Sale memory sale = revealedFile(unopenable());
        uint256[2][9] memory layouts = [
            [uint256(3136), 0],
            [uint256(3136), 512],
            [uint256(3136), 1025],
            [uint256(65_536), 32_768],
            [uint256(16), 1024],
            [uint256(1040), 1024],
            [uint256(2 ** 38 + 1), 1024],
            [uint256(2 ** 64 + 3136), 1024],
            [type(uint256).max, type(uint256).max]
        ];
        for (uint256 i = 0; i < layouts.length; i++) {
            ChunkProof memory proof = Files.proofOf(sale.file, 0);
            (proof.totalBytes, proof.chunkSize) = (layouts[i][0], layouts[i][1]);
            refuses(
                stranger,
                disputeCall(sale, proof),
                abi.encodeWithSelector(ISettlement.LayoutInvalid.selector, layouts[i][0], layouts[i][1])
            );
        }
    }
}
