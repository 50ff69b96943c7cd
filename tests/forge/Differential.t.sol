// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {FuzzTest} from "./Fuzz.t.sol";
import {Scenario} from "./Scenario.sol";

/// @notice Every property of single steps holds for the reference contract too.
contract ReferenceFuzzTest is FuzzTest {
    function artifact() internal pure override returns (string memory) {
        return "ReferenceSettlement.sol:ReferenceSettlement";
    }
}

/// @notice The same random scenario, step by step, on the contract and on its reference: the same steps succeed, and
/// leave the same states and the same money.
contract DifferentialTest {
    Scenario[2] internal optimised = [new Scenario(false), new Scenario(true)];
    Scenario[2] internal readable = [Scenario(new ReferenceScenario(false)), new ReferenceScenario(true)];

    function testFuzz_ContractAndReferenceAgree(uint256[24] calldata steps, bool isReceiptRequired) external {
        uint256 kind = isReceiptRequired ? 1 : 0;
        for (uint256 i = 0; i < steps.length; i++) {
            assert(optimised[kind].step(steps[i]) == readable[kind].step(steps[i]));
        }
    }
}

contract ReferenceScenario is Scenario {
    constructor(bool requireReceipt) Scenario(requireReceipt) {}

    function artifact() internal pure override returns (string memory) {
        return "ReferenceSettlement.sol:ReferenceSettlement";
    }
}
