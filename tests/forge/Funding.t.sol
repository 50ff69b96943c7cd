// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {ISettlement, ModelTerms} from "contracts/interfaces/ISettlement.sol";
import {SilentToken, Token} from "contracts/mocks/Tokens.sol";
import {VM} from "./Vm.sol";
import {Spec} from "./Spec.sol";

/// @notice fund: money enters a model's budget. What tokens may not do is in Tokens.t.sol.
contract FundTest is Spec {
    function test_MoneyOfEveryKindEntersTheBudget() external {
        address[3] memory kinds = currencies();
        for (uint256 i = 0; i < kinds.length; i++) {
            ModelTerms memory terms = termsWith(0, false);
            terms.token = kinds[i];
            register(terms);
            uint256 before = held(kinds[i], buyer);
            bytes memory call_ = abi.encodeCall(settlement.fund, (terms, 3 ether));

            expectEvent();
            emit ISettlement.ModelFunded(idOf(terms), buyer, 3 ether);
            perform(buyer, valueOf(kinds[i], 3 ether), call_);

            equal(budgetOf(terms), 3 ether);
            equal(held(kinds[i], address(settlement)), 3 ether);
            equal(held(kinds[i], buyer), before - 3 ether);
        }
    }

    function test_AnyoneAddsToABudget() external {
        ModelTerms memory terms = opened();
        VM.deal(stranger, 5);
        bytes memory call_ = abi.encodeCall(settlement.fund, (terms, 5));

        expectEvent();
        emit ISettlement.ModelFunded(idOf(terms), stranger, 5);
        perform(stranger, 5, call_);

        equal(budgetOf(terms), 1 ether + 5);
    }

    function test_NothingIsNoAmount() external {
        refuses(buyer, abi.encodeCall(settlement.fund, (opened(), 0)), zeroAmount());
    }

    function test_AModelThatNobodyRegisteredIsRefused() external {
        ModelTerms memory terms = termsWith(0, false);
        refuses(buyer, 1, abi.encodeCall(settlement.fund, (terms, 1)), modelUnknown(terms));
    }

    function test_ABudgetHolds96Bits() external {
        ModelTerms memory terms = termsWith(0, false);
        register(terms);
        VM.deal(buyer, type(uint256).max);
        fund(terms, 5);

        refusesAmount(terms, MAX_BUDGET - 4, MAX_BUDGET - 5);
        fund(terms, MAX_BUDGET - 5);

        equal(budgetOf(terms), MAX_BUDGET);
        refusesAmount(terms, 1, 0);
        refusesAmount(terms, 2 ** 96, 0);
        refusesAmount(terms, type(uint256).max - MAX_BUDGET, 0);
    }

    function refusesAmount(ModelTerms memory terms, uint256 amount, uint256 room) internal {
        refuses(
            buyer,
            amount,
            abi.encodeCall(settlement.fund, (terms, amount)),
            abi.encodeWithSelector(ISettlement.AmountTooLarge.selector, amount, room)
        );
    }
}

/// @notice fundWithPermit: `fund`, with the token's approval signed instead of sent.
contract FundWithPermitTest is Spec {
    Token internal token;
    ModelTerms internal terms;

    function setUp() public override {
        super.setUp();
        token = new Token();
        token.mint(buyer, 10 ether);
        terms = termsWith(0, false);
        terms.token = address(token);
        register(terms);
    }

    function permitCall(uint256 amount, uint256 deadline) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = permit(amount, deadline);
        return abi.encodeCall(settlement.fundWithPermit, (terms, amount, deadline, v, r, s));
    }

    /// @notice The buyer's ERC-2612 permit for the contract.
    function permit(uint256 amount, uint256 deadline) internal view returns (uint8, bytes32, bytes32) {
        bytes32 typehash =
            keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        bytes32 permit_ =
            keccak256(abi.encode(typehash, buyer, address(settlement), amount, token.nonces(buyer), deadline));
        return VM.sign(BUYER_KEY, keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), permit_)));
    }

    function test_APermitSavesTheApproval() external {
        bytes memory call_ = permitCall(3 ether, START);

        expectEvent();
        emit ISettlement.ModelFunded(idOf(terms), buyer, 3 ether);
        perform(buyer, call_);

        equal(budgetOf(terms), 3 ether);
        equal(token.balanceOf(address(settlement)), 3 ether);
        equal(token.allowance(buyer, address(settlement)), 0);
    }

    function test_APermitThatAFrontRunnerUsedDoesNoHarm() external {
        bytes memory call_ = permitCall(3 ether, START);
        (uint8 v, bytes32 r, bytes32 s) = permit(3 ether, START);
        token.permit(buyer, address(settlement), 3 ether, START, v, r, s);

        perform(buyer, call_);

        equal(budgetOf(terms), 3 ether);
    }

    function test_ABadPermitAllowsNothing() external {
        bytes memory expected =
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(settlement), 0, 3 ether);
        refuses(buyer, permitCall(3 ether, START - 1), expected);
        refuses(stranger, permitCall(3 ether, START), expected);
    }

    function test_ATokenWithoutPermitIsFundedFromItsAllowance() external {
        terms.token = give(address(new SilentToken()));
        register(terms);

        perform(buyer, abi.encodeCall(settlement.fundWithPermit, (terms, 5, START, 27, "r", "s")));

        equal(budgetOf(terms), 5);
    }

    function test_AnAccountWithoutCodeIsNoToken() external {
        terms.token = stranger;
        register(terms);

        refuses(
            buyer,
            abi.encodeCall(settlement.fundWithPermit, (terms, 5, START, 27, "r", "s")),
            abi.encodeWithSelector(ISettlement.TokenNotContract.selector, stranger)
        );
    }

    function test_TheNativeCoinHasNoPermit() external {
        terms.token = NATIVE;
        register(terms);

        refuses(
            buyer,
            abi.encodeCall(settlement.fundWithPermit, (terms, 5, START, 27, "r", "s")),
            abi.encodeWithSelector(ISettlement.ValueMismatch.selector, 5, 0)
        );
    }
}

/// @notice withdraw: the owner takes unspent budget out.
contract WithdrawTest is Spec {
    address internal constant HEIR = address(0x4E13);

    function withdrawCall(ModelTerms memory terms, uint256 amount, address to) internal view returns (bytes memory) {
        return abi.encodeCall(settlement.withdraw, (terms, amount, to));
    }

    function test_TheOwnerTakesItOutInEveryMoney() external {
        address[3] memory kinds = currencies();
        for (uint256 i = 0; i < kinds.length; i++) {
            ModelTerms memory terms = termsWith(0, false);
            terms.token = kinds[i];
            opened(terms);
            bytes memory call_ = withdrawCall(terms, 0.4 ether, HEIR);

            expectEvent();
            emit ISettlement.ModelWithdrawn(idOf(terms), HEIR, 0.4 ether);
            perform(buyer, call_);

            equal(budgetOf(terms), 0.6 ether);
            equal(held(kinds[i], HEIR), 0.4 ether);
            equal(held(kinds[i], address(settlement)), 0.6 ether);
        }
    }

    function test_AllOfTheBudgetAndNoMore() external {
        ModelTerms memory terms = opened();

        refuses(
            buyer,
            withdrawCall(terms, 1 ether + 1, HEIR),
            abi.encodeWithSelector(ISettlement.BudgetTooSmall.selector, 1 ether + 1, 1 ether)
        );
        perform(buyer, withdrawCall(terms, 1 ether, HEIR));

        equal(budgetOf(terms), 0);
        equal(HEIR.balance, 1 ether);
    }

    function test_TheOracleStaysInOffice() external {
        ModelTerms memory terms = opened();
        perform(buyer, withdrawCall(terms, 1, HEIR));
        (address current,, bool registered) = settlement.modelState(idOf(terms));
        equal(current, oracle);
        assert(registered);
    }

    function test_NobodyButTheOwnerDoes() external {
        ModelTerms memory terms = opened();
        refuses(stranger, withdrawCall(terms, 1, stranger), notOwner(stranger));
        refuses(oracle, withdrawCall(terms, 1, stranger), notOwner(oracle));
    }

    function test_NothingIsNoAmountAndNobodyNoPayee() external {
        ModelTerms memory terms = opened();
        refuses(buyer, withdrawCall(terms, 0, HEIR), zeroAmount());
        refuses(buyer, withdrawCall(terms, 1, NOBODY), zeroAddress());
    }

    function test_AModelThatNobodyRegisteredIsRefused() external {
        ModelTerms memory terms = termsWith(0, false);
        refuses(buyer, withdrawCall(terms, 1, HEIR), modelUnknown(terms));
    }

    function test_WhatIsLockedInAnOrderStays() external {
        ModelTerms memory terms = locked().terms;
        uint256 rest = 1 ether - PRICE;

        refuses(
            buyer,
            withdrawCall(terms, rest + 1, HEIR),
            abi.encodeWithSelector(ISettlement.BudgetTooSmall.selector, rest + 1, rest)
        );
    }
}
