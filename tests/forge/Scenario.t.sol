// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Scenario} from "./Scenario.sol";

/// @notice After any calls in any order, the contract holds exactly what it owes.
contract ScenarioTest {
    Scenario internal plain = new Scenario(false);
    Scenario internal withReceipts = new Scenario(true);

    function testFuzz_TheContractHoldsWhatItOwes(uint256[24] calldata steps, bool isReceiptRequired) external {
        Scenario scenario = isReceiptRequired ? withReceipts : plain;
        for (uint256 i = 0; i < steps.length; i++) {
            scenario.step(steps[i]);
            assert(scenario.isSolvent());
        }
    }
}
