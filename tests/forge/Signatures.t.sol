// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {Harness} from "contracts/mocks/Harness.sol";
import {Wallet} from "contracts/mocks/Wallets.sol";
import {VM} from "./Vm.sol";
import {World} from "./World.sol";

/// @notice A wallet that answers every call with given bytes: it returns them, or reverts with them.
contract AnsweringWallet {
    bytes private answer;
    bool private reverting;

    constructor(bytes memory answer_, bool reverting_) {
        (answer, reverting) = (answer_, reverting_);
    }

    fallback(bytes calldata) external returns (bytes memory) {
        bytes memory answer_ = answer;
        if (reverting) {
            assembly ("memory-safe") {
                revert(add(answer_, 0x20), mload(answer_))
            }
        }
        return answer_;
    }
}

/// @notice A wallet that approves one digest with one signature.
contract ExactWallet {
    bytes32 private immutable expected;

    constructor(bytes32 digest, bytes memory signature) {
        expected = keccak256(abi.encode(digest, signature));
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        bool right = keccak256(abi.encode(digest, signature)) == expected && msg.data.length % 32 == 4;
        return right ? IERC1271.isValidSignature.selector : bytes4(0);
    }
}

/// @notice Signatures of keys and of wallets, without the contract around them.
contract SignaturesTest is World {
    /// @dev Order of secp256k1.
    uint256 internal constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
    bytes32 internal constant MAGIC = bytes32(bytes4(0x1626ba7e));
    bytes32 internal constant DIGEST = keccak256("statement");

    Harness internal harness;

    function setUp() public {
        harness = Harness(payable(create("Harness.sol:Harness")));
    }

    function accepts(address signer, bytes memory signature) internal view returns (bool) {
        return harness.isSigned(signer, DIGEST, signature);
    }

    // --- keys ---

    function testFuzz_AKeySignsForItsAddressAndThisDigestAlone(uint256 seed, bytes32 digest) external view {
        uint256 privateKey = seed % (ORDER - 1) + 1;
        address signer = VM.addr(privateKey);
        bytes memory signature = signed(privateKey, digest);
        assert(harness.isSigned(signer, digest, signature));
        // A digest is signed modulo the order: some have a complement that is signed alike, none has such a neighbour.
        assert(!harness.isSigned(signer, digest ^ bytes32(uint256(1)), signature));
        assert(!harness.isSigned(address(uint160(signer) ^ 1), digest, signature));
    }

    function testFuzz_AMalleableSignatureIsRefused(uint256 seed, bytes32 digest) external view {
        uint256 privateKey = seed % (ORDER - 1) + 1;
        (uint8 v, bytes32 r, bytes32 s) = VM.sign(privateKey, digest);
        address signer = VM.addr(privateKey);
        bytes32 high = bytes32(ORDER - uint256(s));
        // The precompile recovers the signer from it all the same.
        assert(ecrecover(digest, 55 - v, r, high) == signer);
        assert(!harness.isSigned(signer, digest, abi.encodePacked(r, high, 55 - v)));
    }

    function test_ARecoveryIdIs27Or28() external view {
        (uint8 right, bytes32 r, bytes32 s) = VM.sign(SELLER_KEY, DIGEST);
        for (uint256 v = 0; v < 256; v++) {
            assert(accepts(VM.addr(SELLER_KEY), abi.encodePacked(r, s, uint8(v))) == (v == right));
        }
    }

    function test_ASignatureHas65Bytes() external view {
        address signer = VM.addr(SELLER_KEY);
        (uint8 v, bytes32 r, bytes32 s) = VM.sign(SELLER_KEY, DIGEST);
        assert(accepts(signer, abi.encodePacked(r, s, v)));
        assert(!accepts(signer, ""));
        assert(!accepts(signer, abi.encodePacked(r, s)));
        assert(!accepts(signer, abi.encodePacked(r, s, v, uint8(0))));
        // ERC-2098: r, and s with the recovery id in its highest bit.
        assert(!accepts(signer, abi.encodePacked(r, bytes32(uint256(s) | (uint256(v - 27) << 255)))));
    }

    /// @dev The precompile answers an invalid signature with nothing, which reads as address(0).
    function test_NobodySignsAsTheZeroAddress() external view {
        assert(!accepts(address(0), new bytes(65)));
        assert(!accepts(address(0), abi.encodePacked(bytes32(uint256(1)), bytes32(uint256(1)), uint8(29))));
        assert(!accepts(address(0), ""));
    }

    // --- wallets ---

    function test_AWalletIsAskedAboutThisDigestAndSignature() external {
        address wallet = address(new ExactWallet(DIGEST, "approved"));
        assert(accepts(wallet, "approved"));
        assert(!accepts(wallet, "Approved"));
        assert(!harness.isSigned(wallet, ~DIGEST, "approved"));
    }

    function testFuzz_AWalletIsAskedAboutSignaturesOfAnyLength(bytes32 digest, bytes calldata signature) external {
        assert(harness.isSigned(address(new ExactWallet(digest, signature)), digest, signature));
    }

    function test_AWalletSaysYesWithTheMagicValueInOneWordAtLeast() external {
        assert(accepts(address(new AnsweringWallet(abi.encode(MAGIC), false)), ""));
        assert(accepts(address(new AnsweringWallet(abi.encode(MAGIC, MAGIC, MAGIC), false)), ""));
        assert(!accepts(address(new AnsweringWallet("", false)), ""));
        assert(!accepts(address(new AnsweringWallet(abi.encodePacked(bytes4(MAGIC)), false)), ""));
    }

    function testFuzz_AWrongMagicValueIsNo(bytes32 answer) external {
        assert(accepts(address(new AnsweringWallet(abi.encode(answer), false)), "") == (answer == MAGIC));
    }

    function test_TheMagicValueIsPaddedWithZeros() external {
        assert(!accepts(address(new AnsweringWallet(abi.encode(MAGIC | bytes32(uint256(1))), false)), ""));
        assert(!accepts(address(new AnsweringWallet(abi.encode(uint256(uint32(bytes4(MAGIC)))), false)), ""));
    }

    function test_AWalletThatRevertsWithTheMagicValueSaysNo() external {
        assert(!accepts(address(new AnsweringWallet(abi.encode(MAGIC), true)), ""));
    }

    /// @dev EIP-7702: an account that has code keeps its key.
    function test_AnAccountWithCodeSignsWithItsKeyToo() external {
        address signer = VM.addr(SELLER_KEY);
        VM.etch(signer, address(new Wallet(VM.addr(BUYER_KEY))).code);
        assert(accepts(signer, signed(SELLER_KEY, DIGEST)));
        assert(accepts(signer, signed(BUYER_KEY, DIGEST)));
    }

    /// @dev A precompile that is asked what it cannot answer consumes all the gas that it is given.
    function test_AnAccountWithoutCodeIsNotAsked() external view {
        for (uint160 account = 1; account < 12; account++) {
            uint256 gasBefore = gasleft();
            assert(!accepts(address(account), signed(SELLER_KEY, DIGEST)));
            assert(gasBefore - gasleft() < 50_000);
        }
    }
}
