// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Harness} from "contracts/mocks/Harness.sol";
import {FuzzTest} from "./Fuzz.t.sol";
import {ReferenceChaCha20} from "./ReferenceChaCha20.sol";
import {Scenario} from "./Scenario.sol";

/// @notice Every property of single steps holds for the reference contract too.
contract ReferenceFuzzTest is FuzzTest {
    function artifact() internal pure override returns (string memory) {
        return "ReferenceSettlement.sol:ReferenceSettlement";
    }
}

/// @notice The same random scenario, step by step, on the contract and on its reference: the same steps succeed, and leave
/// the same states and the same money.
contract DifferentialTest {
    function testFuzz_ContractAndReferenceAgree(uint256[24] calldata steps, bool isReceiptRequired) external {
        Scenario optimised = new Scenario(isReceiptRequired);
        Scenario readable = new ReferenceScenario(isReceiptRequired);
        for (uint256 i = 0; i < steps.length; i++) {
            assert(optimised.step(steps[i]) == readable.step(steps[i]));
        }
    }
}

contract ReferenceScenario is Scenario {
    constructor(bool requireReceipt) Scenario(requireReceipt) {}

    function artifact() internal pure override returns (string memory) {
        return "ReferenceSettlement.sol:ReferenceSettlement";
    }
}

/// @notice The Yul ChaCha20 against the RFC's text in plain Solidity.
contract ChaCha20Test {
    Harness internal harness = new Harness();

    function testFuzz_KeyStreamIsTheRfcs(bytes32 key, uint32 counter, bytes32 seed, uint256 length) external view {
        bytes memory data = new bytes(length % 200);
        for (uint256 i = 0; i < data.length; i++) {
            data[i] = keccak256(abi.encode(seed, i))[0];
        }
        bytes memory expected = ReferenceChaCha20.xor(key, counter, data);
        assert(keccak256(harness.applyKeyStream(key, counter, data)) == keccak256(expected));
    }

    function test_TheLastBlocksOfTheCounter() external view {
        bytes memory data = new bytes(64);
        assert(
            keccak256(harness.applyKeyStream("key", type(uint32).max, data))
                == keccak256(ReferenceChaCha20.xor("key", type(uint32).max, data))
        );
    }
}
