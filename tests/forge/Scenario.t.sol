// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Scenario} from "./Scenario.sol";

/// @notice Whatever anybody does in whatever order, the contract holds what it owes, to the last unit.
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
