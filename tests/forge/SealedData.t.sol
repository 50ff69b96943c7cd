// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ISettlement} from "contracts/interfaces/ISettlement.sol";
import {Harness} from "contracts/mocks/Harness.sol";
import {File, Files} from "./Files.sol";
import {VM} from "./Vm.sol";
import {World} from "./World.sol";

/// @notice The commitment: layouts, and an ordered tree that an independent one agrees with.
contract SealedDataTest is World {
    Harness internal harness;

    function setUp() public {
        harness = Harness(payable(create("Harness.sol:Harness")));
    }

    // --- layouts ---

    function test_ChunksAreCounted() external view {
        uint64[3][14] memory layouts = [
            [uint64(17), 1024, 1],
            [uint64(1023), 1024, 1],
            [uint64(1024), 1024, 1],
            [uint64(1041), 1024, 2],
            [uint64(2048), 1024, 2],
            [uint64(2065), 1024, 3],
            [uint64(3136), 1024, 4],
            [uint64(3136), 2048, 2],
            [uint64(17), 16_384, 1],
            [uint64(16_384), 16_384, 1],
            [uint64(16_401), 16_384, 2],
            [uint64(2 ** 38), 1024, 2 ** 28],
            [uint64(2 ** 38), 16_384, 2 ** 24],
            [uint64(2 ** 38 - 1024 + 17), 1024, 2 ** 28]
        ];
        for (uint256 i = 0; i < layouts.length; i++) {
            assert(harness.countChunks(layouts[i][0], layouts[i][1]) == layouts[i][2]);
        }
    }

    /// @notice Chunk sizes are powers of two in bounds; every chunk has its salt and a byte of data; the cipher's
    /// counter suffices.
    function test_OtherLayoutsAreRefused() external {
        uint256[2][18] memory layouts = [
            [uint256(0), 1024],
            [uint256(1), 1024],
            [uint256(16), 1024],
            [uint256(1025), 1024],
            [uint256(1040), 1024],
            [uint256(3 * 1024 + 16), 1024],
            [uint256(2 ** 38 + 1), 1024],
            [uint256(2 ** 38 + 17), 1024],
            [uint256(2 ** 38 + 1024), 1024],
            [type(uint256).max, 1024],
            [uint256(3136), 0],
            [uint256(3136), 1],
            [uint256(3136), 512],
            [uint256(3136), 1023],
            [uint256(3136), 1025],
            [uint256(3136), 3072],
            [uint256(65_536), 32_768],
            [uint256(3136), type(uint256).max]
        ];
        for (uint256 i = 0; i < layouts.length; i++) {
            VM.expectRevert(abi.encodeWithSelector(ISettlement.LayoutInvalid.selector, layouts[i][0], layouts[i][1]));
            harness.countChunks(layouts[i][0], layouts[i][1]);
        }
    }

    // --- hashes ---

    function test_LeavesAndRootsBindWhatTheySay() external view {
        assert(
            harness.hashLeaf(3, 1024, "plain", "sealed")
                == sha256(
                    abi.encode(bytes32("assay/leaf/v1"), uint256(3), uint256(1024), bytes32("plain"), bytes32("sealed"))
                )
        );
        assert(
            harness.hashRoot(3136, 1024, "top")
                == sha256(abi.encode(bytes32("assay/root/v1"), uint256(3136), uint256(1024), bytes32("top")))
        );
    }

    // --- the tree ---

    function leavesOf(uint256 count) internal pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; i++) {
            leaves[i] = keccak256(abi.encode(i));
        }
    }

    function test_EveryPlaceOfEveryTreeLeadsToItsTop() external view {
        for (uint256 count = 1; count <= 17; count++) {
            bytes32[] memory leaves = leavesOf(count);
            bytes32 top = Files.treeHash(leaves);
            for (uint256 index = 0; index < count; index++) {
                assert(harness.treeHashFromProof(leaves[index], index, count, Files.pathOf(leaves, index)) == top);
            }
        }
    }

    function hasTop(File memory file) internal view {
        bytes memory plaintext = Files.plaintextOf(file);
        assert(harness.treeHash(plaintext, file.chunkSize, Files.sealedDigestsOf(file)) == Files.treeHash(file.leaves));
    }

    function test_TheTreeOverPlaintextIsBuiltAnyNumberOfChunksHigh() external view {
        for (uint256 count = 1; count <= 17; count++) {
            hasTop(Files.unopenable(count * 1024, 1024));
            hasTop(Files.unopenable(count * 1024 - 1000, 1024));
        }
        hasTop(Files.unopenable(5 * 16_384, 16_384));
    }

    function test_ALeafLeadsToTheTopFromItsOwnPlaceOnly() external view {
        bytes32[] memory leaves = leavesOf(8);
        bytes32 top = Files.treeHash(leaves);
        for (uint256 index = 0; index < 8; index++) {
            bytes32[] memory path = Files.pathOf(leaves, index);
            for (uint256 other = 0; other < 8; other++) {
                assert((harness.treeHashFromProof(leaves[index], other, 8, path) == top) == (other == index));
            }
        }
    }

    function test_APathOfAnotherLengthIsRefused() external {
        for (uint256 count = 1; count <= 9; count++) {
            bytes32[] memory leaves = leavesOf(count);
            for (uint256 index = 0; index < count; index++) {
                uint256 needed = Files.pathOf(leaves, index).length;
                if (needed > 0) refusesPath(index, count, needed - 1, needed);
                refusesPath(index, count, needed + 1, needed);
            }
        }
    }

    function refusesPath(uint256 index, uint256 count, uint256 length, uint256 needed) internal {
        VM.expectRevert(abi.encodeWithSelector(ISettlement.ProofLengthMismatch.selector, needed, length));
        harness.treeHashFromProof("leaf", index, count, new bytes32[](length));
    }

    function testFuzz_LargeTreesAgreeToo(uint256 count, uint256 index) external view {
        count = 1 + count % 100;
        index %= count;
        bytes32[] memory leaves = leavesOf(count);
        bytes32 top = Files.treeHash(leaves);
        assert(harness.treeHashFromProof(leaves[index], index, count, Files.pathOf(leaves, index)) == top);
    }
}
